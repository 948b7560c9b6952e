package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoDataTest {
  private static final Pattern CAPITALISED = Pattern.compile("\\b[A-Z][a-z]+\\b");

  @Test
  void aCompanyBelongsToOneSplit() {
    Set<String> train = companies(Split.TRAIN);
    Set<String> validation = companies(Split.VALIDATION);
    Set<String> test = companies(Split.TEST);

    assertThat(train).hasSizeGreaterThan(100);
    assertThat(validation).hasSizeGreaterThan(25).doesNotContainAnyElementsOf(train);
    assertThat(test).hasSizeGreaterThan(25).doesNotContainAnyElementsOf(train).doesNotContainAnyElementsOf(validation);
    assertThat(companies(Split.BASE)).containsAll(train).containsAll(validation).doesNotContainAnyElementsOf(test);
  }

  private static Set<String> companies(Split split) {
    var grammar = new NewsGrammar(DemoData.random(5), split);
    Set<String> stems = new HashSet<>();
    for (int i = 0; i < 5000; i++) {
      Matcher matcher = CAPITALISED.matcher(grammar.company());
      assertThat(matcher.find()).isTrue();
      stems.add(matcher.group());
    }
    return stems;
  }

  @Test
  void noSourceOfATaskIsInTwoSplits() {
    for (DemoTask task : DemoTask.values()) {
      Set<String> seen = new HashSet<>();
      for (Split split : List.of(Split.TRAIN, Split.VALIDATION, Split.TEST)) {
        Set<String> sources = new HashSet<>();
        task.items(200, split).forEach(item -> sources.add(item.source()));
        assertThat(sources).as("%s %s", task, split).hasSizeGreaterThan(90).noneMatch(seen::contains);
        seen.addAll(sources);
      }
    }
  }

  @Test
  void answersAreThoseOfTheTaskInFairShares() {
    for (DemoTask task : DemoTask.values()) {
      List<DemoData.Item> items = task.items(600, Split.TRAIN);
      assertThat(items).as(task.label()).hasSize(600).doesNotHaveDuplicates();
      Map<String, Long> answers =
          items.stream().collect(Collectors.groupingBy(DemoData.Item::completion, TreeMap::new, Collectors.counting()));
      assertThat(answers.keySet()).allMatch(answer -> task.form().gold(answer).isPresent());
      long largest = answers.values().stream().mapToLong(Long::longValue).max().orElseThrow();
      assertThat(largest).as(answers.toString()).isLessThanOrEqualTo(330);
    }
  }

  @Test
  void halfOfTheHeadlinesQuestionsAreToBeAnsweredWithYes() {
    List<DemoData.Item> items = DemoTask.HEADLINE.items(300, Split.TEST);

    assertThat(items.stream().filter(item -> item.completion().equals("yes"))).hasSize(150);
    assertThat(items)
        .allSatisfy(item -> {
          if (item.prompt().contains("mention a company")) {
            assertThat(item.completion()).isEqualTo(item.source().endsWith(" says") ? "yes" : "no");
          }
        });
  }

  /** Counts again, from the words. */
  @Test
  void tablesAreCountedRight() {
    assertThat(DemoTask.TABLE.items(300, Split.TRAIN))
        .allSatisfy(item -> {
          List<String> rows = item.source().lines().skip(1).toList();
          assertThat(rows).hasSize(4);
          Pattern words =
              item.prompt().startsWith("How many figures rose?")
                  ? Pattern.compile("rose|increased|climbed|grew|jumped|improved|went up|surged|advanced")
                  : Pattern.compile("fell|decreased|dropped|declined|slipped|shrank|went down|plunged|weakened");
          assertThat(rows.stream().filter(row -> words.matcher(row).find()).count())
              .isEqualTo(Long.parseLong(item.completion()));
        });
  }

  @Test
  void theSameSeedGivesTheSameText() {
    assertThat(DemoData.paragraphs(50, 9))
        .isEqualTo(DemoData.paragraphs(50, 9))
        .isNotEqualTo(DemoData.paragraphs(50, 8));
    assertThat(DemoData.conversations(50, 9)).isEqualTo(DemoData.conversations(50, 9));
  }

  @Test
  void conversationsAnswerWithWordsOfTheQuestionOrSayWhetherACompanyIsNamed() {
    assertThat(DemoData.conversations(500, 3))
        .allSatisfy(item -> {
          if (item.prompt().startsWith("Does this news mention ")) {
            int questionMark = item.prompt().indexOf('?');
            String company = item.prompt().substring("Does this news mention ".length(), questionMark);
            boolean named = item.prompt().substring(questionMark).contains(company);
            assertThat(item.completion()).isEqualTo(named ? "yes" : "no");
          } else {
            assertThat(item.prompt()).containsIgnoringCase(item.completion());
          }
        });
  }

  /** The example of Sennrich, Haddow and Birch (2016): the first merges of low, lower, newest, widest. */
  @Test
  void theMostFrequentPairsAreMergedFirst() {
    String text = "low ".repeat(5) + "lower ".repeat(2) + "newest ".repeat(6) + "widest ".repeat(3);

    ObjectNode json = BytePairTrainer.train(List.of(text.strip()), List.of("<end>"), 1 + 256 + 3);

    assertThat(json.path("model").path("merges").toString()).isEqualTo("[[\"e\",\"s\"],[\"es\",\"t\"],[\"l\",\"o\"]]");
    assertThat(json.path("model").path("vocab").path("<end>").intValue()).isZero();
    assertThat(json.path("model").path("vocab")).hasSize(260);
  }

  @Test
  void theLearntTokenizerLoadsAndGivesTextBack(@TempDir Path folder) throws IOException {
    List<String> texts = DemoData.paragraphs(200, 1);
    Files.writeString(
        folder.resolve("tokenizer.json"), BytePairTrainer.train(texts, DemoMaterial.SPECIAL_TOKENS, 600).toString());
    Files.writeString(folder.resolve("tokenizer_config.json"), "{}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (String text : List.of(texts.getFirst(), "Ünïcödé 漢字 🙂", "a  b\n\tc")) {
        int[] ids = tokenizer.encode(text, false);
        assertThat(tokenizer.decode(ids, true)).isEqualTo(text);
      }
      assertThat(tokenizer.encode("<|user|>", false)).containsExactly(2);
      assertThat(tokenizer.encode(texts.getFirst(), false).length).isLessThan(texts.getFirst().length() / 2);
    }
  }
}
