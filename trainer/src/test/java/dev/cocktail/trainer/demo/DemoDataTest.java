package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGeneratorFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoDataTest {
  private static final Pattern CAPITALISED = Pattern.compile("\\b[A-Z][a-z]+\\b");

  @Test
  void noCompanyOfTheTrainingNewsIsAmongTheHeldOut() {
    Set<String> training = companies(false);
    Set<String> heldOut = companies(true);

    assertThat(training).hasSizeGreaterThan(100);
    assertThat(heldOut).hasSizeGreaterThan(25).doesNotContainAnyElementsOf(training);
  }

  private static Set<String> companies(boolean heldOut) {
    var grammar = new NewsGrammar(RandomGeneratorFactory.of("L64X128MixRandom").create(5), heldOut);
    Set<String> stems = new HashSet<>();
    for (int i = 0; i < 5000; i++) {
      Matcher matcher = CAPITALISED.matcher(grammar.company());
      assertThat(matcher.find()).isTrue();
      stems.add(matcher.group());
    }
    return stems;
  }

  @Test
  void answersAreLabelsInFairShares() {
    List<DemoData.Item> sentiment = DemoData.sentiment(600, 1, false);
    assertThat(sentiment).doesNotHaveDuplicates();
    for (String label : List.of("negative", "neutral", "positive")) {
      assertThat(sentiment.stream().filter(item -> item.completion().equals(label)).count()).isBetween(140L, 260L);
    }
    List<DemoData.Item> prices = DemoData.priceUp(600, 1, false);
    assertThat(prices.stream().map(DemoData.Item::completion)).containsOnly("yes", "no");
    assertThat(prices.stream().filter(item -> item.completion().equals("yes")).count()).isBetween(140L, 260L);
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
