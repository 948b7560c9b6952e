package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.trainer.demo.NewsGrammar.Split;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

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

  @Test
  void aPairOfCommodityAndReasonBelongsToOneSplit() {
    Set<String> train = headlines(Split.TRAIN);
    Set<String> validation = headlines(Split.VALIDATION);
    Set<String> test = headlines(Split.TEST);

    assertThat(train).hasSizeGreaterThan(30);
    assertThat(validation).hasSizeGreaterThan(10).doesNotContainAnyElementsOf(train);
    assertThat(test).hasSizeGreaterThan(10).doesNotContainAnyElementsOf(train).doesNotContainAnyElementsOf(validation);
    assertThat(headlines(Split.BASE)).doesNotContainAnyElementsOf(test);
  }

  private static Set<String> headlines(Split split) {
    var grammar = new NewsGrammar(DemoData.random(6), split);
    Pattern reason = Pattern.compile(" (as the|ahead|after|on|in thin|as) .*");
    Set<String> pairs = new HashSet<>();
    for (int i = 0; i < 2000; i++) {
      var headline = grammar.priceHeadline();
      Matcher matcher = reason.matcher(headline.text().replaceFirst(", .* says", ""));
      assertThat(matcher.find()).isTrue();
      pairs.add(headline.commodity() + matcher.group());
    }
    return pairs;
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

  /** Reads the tables again, from their text. */
  @Test
  void tablesAreReadRight() {
    assertThat(DemoTask.TABLE.items(300, Split.TRAIN))
        .allSatisfy(item -> {
          List<String> lines = item.prompt().lines().toList();
          assertThat(lines).hasSize(7);
          List<String> sorted =
              lines.subList(1, 6).stream().map(row -> row.strip().split(" ")[1]).sorted().toList(); // One digit each.
          assertThat(item.completion())
              .isEqualTo(lines.getLast().equals("What is the highest figure?") ? sorted.getLast() : sorted.getFirst());
        });
  }

  @Test
  void noConstantAnswersManyTables() {
    Map<String, Long> answers =
        DemoTask.TABLE.items(900, Split.TEST).stream()
            .collect(Collectors.groupingBy(DemoData.Item::completion, Collectors.counting()));
    assertThat(answers.values()).hasSize(9).allMatch(count -> count <= 150);
  }

  @Test
  void whatParagraphsSayOfTheirTablesIsTrue() {
    List<String> tables = BaseText.paragraphs(400, 3).stream().filter(text -> text.contains("\nAgain: ")).toList();
    assertThat(tables).hasSizeGreaterThan(40);
    assertThat(tables)
        .allSatisfy(paragraph -> {
          Map<Boolean, List<String>> lines =
              paragraph.lines().skip(1).collect(Collectors.partitioningBy(line -> line.startsWith(" ")));
          assertThat(lines.get(false)).hasSize(2);
          for (String line : lines.get(false)) {
            String rows = line.replaceAll("There was|Again:|\\.$", "").replace(" of ", " ");
            assertThat(rows.split(",")).containsExactlyInAnyOrderElementsOf(lines.get(true));
          }
        });
  }

  @Test
  void rangesAreThoseOfListsThatNameNoFigureOfACompany() {
    Set<String> figures = new HashSet<>();
    DemoTask.TABLE
        .items(200, Split.TRAIN)
        .forEach(item -> item.source().lines().skip(1).forEach(row -> figures.add(row.strip().split(" ")[0])));
    assertThat(figures).hasSize(10);
    assertThat(BaseText.ranges(100, 6))
        .allSatisfy(item -> {
          List<String[]> rows = item.source().lines().skip(1).map(row -> row.strip().split(" ")).toList();
          assertThat(rows).allMatch(row -> !figures.contains(row[0]));
          List<String> sorted = rows.stream().map(row -> row[1]).sorted().toList();
          assertThat(item.completion()).isEqualTo(sorted.getFirst() + " to " + sorted.getLast());
        });
  }

  /** Also not within other words: what the base model knows of the tasks is only the language. */
  @Test
  void theBaseIsNeverAskedTheTasksQuestions() {
    List<String> questions = List.of("Is this news", "Does this headline", "What is ", "negative, neutral or positive");
    List<String> texts = new ArrayList<>(BaseText.paragraphs(500, 1));
    BaseText.conversations(500, 2).forEach(item -> texts.add(item.prompt()));
    BaseText.ranges(100, 2).forEach(item -> texts.add(item.prompt()));
    assertThat(texts).allSatisfy(text -> assertThat(text).doesNotContain(questions));
    for (DemoTask task : DemoTask.values()) {
      assertThat(task.items(20, Split.TRAIN))
          .as("as the questions are put")
          .allMatch(item -> questions.stream().anyMatch(item.prompt()::contains));
    }
  }
}
