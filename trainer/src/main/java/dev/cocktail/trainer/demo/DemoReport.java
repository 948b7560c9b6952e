package dev.cocktail.trainer.demo;

import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.eval.ItemResult;
import dev.cocktail.eval.report.Html;
import dev.cocktail.eval.report.HtmlPage;
import dev.cocktail.eval.report.HtmlTable;
import dev.cocktail.eval.report.IntervalChart;
import dev.cocktail.eval.report.LineChart;
import dev.cocktail.eval.report.LineChart.Series;
import dev.cocktail.eval.report.ShareChart;
import dev.cocktail.eval.statistics.Estimate;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.eval.statistics.PairedDifference;
import dev.cocktail.trainer.RunMetrics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The demo's results as a page. */
final class DemoReport {
  private static final int WINDOWS = 8;
  private static final int SHOWN_OF_A_KIND = 3;
  private static final int LONGEST_SHOWN = 60;
  private static final List<String> TASKS = Arrays.stream(DemoTask.values()).map(DemoTask::label).toList();

  private final DemoResults results;
  private final DemoSize size;
  private final String device;

  DemoReport(DemoResults results, DemoSize size, String device) {
    this.results = results;
    this.size = size;
    this.device = device;
  }

  HtmlPage page() {
    var page =
        new HtmlPage(
            "Does the cocktail help?",
            "Four tasks about invented financial news, one adapter for each and one for all of them, at the same"
                + " budget.");
    page.section("What happened", whatHappened());
    page.section("Every model on every task", matrix());
    page.section("The cocktail beside each task alone", differences());
    page.section("How they learnt", curves());
    page.section("The mixture as drawn", mixture());
    page.section("Answers, right and wrong", answers());
    page.section("How it was done, and what it does not show", method());
    return page;
  }

  private List<Html> whatHappened() {
    Html answer = Html.of("div").with("class", "answer");
    results.sentences().forEach(sentence -> answer.add(Html.of("p", sentence)));
    Html list = Html.of("ul");
    results
        .differences()
        .forEach((task, difference) ->
            list.add(
                Html.of(
                    "li",
                    "%s: %s points, 95 %% interval %s; adjusted p %s."
                        .formatted(
                            task.label(),
                            signed(difference.value()),
                            range(difference),
                            DemoCommand.probability(results.verdicts().get(task).probability())))));
    return List.of(answer.add(list));
  }

  private static String signed(double share) {
    return String.format(Locale.ROOT, "%+.1f", 100 * share);
  }

  private static String range(PairedDifference difference) {
    return signed(difference.interval().low()) + " to " + signed(difference.interval().high());
  }

  private List<Html> matrix() {
    List<String> columns = new ArrayList<>(List.of("model"));
    columns.addAll(TASKS);
    columns.add("mean");
    var table =
        new HtmlTable("Right answers in %, and the 95 % interval below; boxed: the model learnt this task", columns);
    double[] constants = Arrays.stream(DemoTask.values()).mapToDouble(results::constant).toArray();
    List<Html> constantCells = new ArrayList<>();
    for (double constant : constants) {
      constantCells.add(Html.of("td", percent(constant)).with("class", "value"));
    }
    double constantMean = Arrays.stream(constants).average().orElse(Double.NaN);
    constantCells.add(Html.of("td", percent(constantMean)).with("class", "value"));
    table.rowOfCells(DemoCommand.CONSTANT, constantCells);
    results
        .scores()
        .forEach((arm, row) -> {
          List<Html> cells = new ArrayList<>();
          row.forEach((task, estimate) -> cells.add(cell(estimate, arm.tasks().contains(task))));
          double mean = row.values().stream().mapToDouble(Estimate::value).average().orElse(Double.NaN);
          cells.add(Html.of("td", percent(mean)).with("class", "value"));
          table.rowOfCells(arm.title(), cells);
        });
    Html note =
        Html.of(
                "p",
                "The first row is what a model would have right that always gives the answer which is right most"
                    + " often.")
            .with("class", "note");
    Html tasks = Html.of("ul");
    for (DemoTask task : DemoTask.values()) {
      tasks.add(Html.of("li", task.label() + ": " + task.description() + "."));
    }
    return List.of(table.element(), note, tasks);
  }

  private static Html cell(Estimate estimate, boolean own) {
    int heat = (int) Math.clamp(Math.floor(5 * estimate.value()), 0, 4);
    String range = percent(estimate.interval().low()) + " to " + percent(estimate.interval().high());
    return Html.of("td", percent(estimate.value()))
        .with("class", "value heat" + heat + (own ? " own" : ""))
        .add(Html.of("small", range));
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  private List<Html> differences() {
    List<IntervalChart.Row> rows = new ArrayList<>();
    var table =
        new HtmlTable(
            "Cocktail less the task alone, in points",
            List.of("task", "difference", "95 % interval", "p", "p, adjusted", "what it shows"));
    results
        .differences()
        .forEach((task, difference) -> {
          DemoResults.Verdict verdict = results.verdicts().get(task);
          rows.add(
              new IntervalChart.Row(
                  task.label(),
                  100 * difference.value(),
                  new Interval(
                      100 * difference.interval().low(),
                      100 * difference.interval().high(),
                      difference.interval().level()),
                  DemoCommand.points(difference)));
          table.row(
              task.label(),
              List.of(
                  signed(difference.value()),
                  range(difference),
                  DemoCommand.probability(difference.probability()),
                  DemoCommand.probability(verdict.probability()),
                  verdict.finding().words()));
        });
    return List.of(
        new IntervalChart(
                "Difference in points, with 95 % intervals", "task alone is better", "cocktail is better", rows)
            .figure(),
        table.element());
  }

  private List<Html> curves() {
    List<Html> figures = new ArrayList<>();
    RunMetrics mixed = results.metrics().get(DemoArm.COCKTAIL);
    for (DemoTask task : DemoTask.values()) {
      String name = task.label();
      RunMetrics alone = results.metrics().get(DemoArm.alone(task));
      figures.add(
          new LineChart(
                  name + ": validation loss",
                  "step",
                  List.of(
                      new Series("cocktail", mixed.validationLoss(name)),
                      new Series("alone", alone.validationLoss(name))))
              .figure());
    }
    int window = Math.max(1, size.steps() / 20);
    String means = window == 1 ? "" : ", means of " + window + " steps";
    figures.add(
        new LineChart(
                "Cocktail: training loss" + means,
                "step",
                TASKS.stream().map(name -> new Series(name, mixed.trainingLoss(name, window))).toList())
            .figure());
    figures.add(
        new LineChart(
                "Each task alone: training loss" + means,
                "step",
                Arrays.stream(DemoTask.values())
                    .map(task ->
                        new Series(
                            task.label(),
                            results.metrics().get(DemoArm.alone(task)).trainingLoss(task.label(), window)))
                    .toList())
            .figure());
    return List.of(
        Html.of(
                "p",
                "Mean cross-entropy of the answers' tokens, in nats. The validation news has companies of its own.")
            .with("class", "note"),
        HtmlPage.beside(figures));
  }

  private List<Html> mixture() {
    RunMetrics mixed = results.metrics().get(DemoArm.COCKTAIL);
    int steps = mixed.steps().size();
    var table =
        new HtmlTable(
            "Shares of the whole run, in %",
            List.of(
                "task",
                "examples, planned",
                "examples, drawn",
                "learnt tokens, planned",
                "learnt tokens, drawn",
                "examples",
                "passes over its data"));
    double examples = TASKS.stream().mapToLong(name -> mixed.examples(name, 0, steps)).sum();
    double tokens = TASKS.stream().mapToLong(name -> mixed.supervisedTokens(name, 0, steps)).sum();
    for (String name : TASKS) {
      long drawn = mixed.examples(name, 0, steps);
      table.row(
          name,
          List.of(
              percent(mixed.plannedShare(name, "examples")),
              percent(drawn / examples),
              percent(mixed.plannedShare(name, "supervised_tokens")),
              percent(mixed.supervisedTokens(name, 0, steps) / tokens),
              String.format(Locale.ROOT, "%,d", drawn),
              String.format(Locale.ROOT, "%.2f", (double) drawn / size.trainItems())));
    }
    List<ShareChart.Bar> bars = new ArrayList<>();
    bars.add(new ShareChart.Bar("planned", TASKS.stream().map(name -> mixed.plannedShare(name, "examples")).toList()));
    int windows = Math.min(WINDOWS, steps);
    for (int window = 0; window < windows; window++) {
      int from = window * steps / windows;
      int to = (window + 1) * steps / windows;
      double all = TASKS.stream().mapToLong(name -> mixed.examples(name, from, to)).sum();
      bars.add(
          new ShareChart.Bar(
              to == from + 1 ? "step " + to : "%d to %d".formatted(from + 1, to),
              TASKS.stream().map(name -> mixed.examples(name, from, to) / all).toList()));
    }
    return List.of(new ShareChart("Examples of each task, by steps", TASKS, bars).figure(), table.element());
  }

  private List<Html> answers() {
    List<Html> tables = new ArrayList<>();
    for (DemoTask task : DemoTask.values()) {
      List<ItemResult> base = results.evaluations().get(DemoArm.BASE).get(task).items();
      List<ItemResult> alone = results.evaluations().get(DemoArm.alone(task)).get(task).items();
      List<ItemResult> mixed = results.evaluations().get(DemoArm.COCKTAIL).get(task).items();
      var table =
          new HtmlTable(
                  task.label() + ": first those that the two adapters answer differently, then wrong, then right ones",
                  List.of("question", "right answer", "base", task.label() + " alone", "cocktail"))
              .withLongHeadings();
      for (int number : telling(alone, mixed)) {
        table.rowOfCells(
            question(mixed.get(number)),
            List.of(
                Html.of("td", mixed.get(number).item().gold()),
                given(base.get(number)),
                given(alone.get(number)),
                given(mixed.get(number))));
      }
      tables.add(table.element());
    }
    Html legend =
        Html.of(
                "p",
                "A tick marks right answers, a cross wrong ones, as they are read strictly. All answers are in the")
            .text(" files *.items.jsonl beside this report.")
            .with("class", "note");
    tables.addFirst(legend);
    return tables;
  }

  /** A third each of the questions that the two disagree on, that the cocktail gets wrong, and that it gets right. */
  private static List<Integer> telling(List<ItemResult> alone, List<ItemResult> mixed) {
    Set<Integer> chosen = new LinkedHashSet<>();
    IntPredicate disagree = i -> alone.get(i).strict().right() != mixed.get(i).strict().right();
    IntPredicate right = i -> mixed.get(i).strict().right();
    for (IntPredicate kind : List.of(disagree, right.negate(), right)) {
      IntStream.range(0, mixed.size())
          .filter(kind)
          .filter(i -> !chosen.contains(i))
          .limit(SHOWN_OF_A_KIND)
          .forEach(chosen::add);
    }
    return List.copyOf(chosen);
  }

  private static String question(ItemResult result) {
    return switch (result.item().prompt()) {
      case Plain plain -> plain.text();
      case Chat chat -> chat.messages().getLast().content();
    };
  }

  private static Html given(ItemResult result) {
    String text = result.answer().strip();
    String shown = text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
    boolean right = result.strict().right();
    return Html.of("td", shown.isEmpty() ? "(nothing)" : shown)
        .with("class", right ? "right" : "wrong")
        .with("title", right ? "right" : "wrong");
  }

  private List<Html> method() {
    var table =
        new HtmlTable(
            "What every adapter got",
            List.of("adapter", "steps", "tokens", "learnt tokens", "unreadable answers, % over all tasks"));
    results
        .metrics()
        .forEach((arm, metrics) ->
            table.row(
                arm.title(),
                List.of(
                    String.format(Locale.ROOT, "%,d", metrics.steps().size()),
                    String.format(Locale.ROOT, "%,d", metrics.tokens()),
                    String.format(Locale.ROOT, "%,d", metrics.supervisedTokens()),
                    percent(results.unreadable(arm)))));
    return List.of(
        Html.of("ul")
            .add(
                Html.of(
                    "li",
                    ("Budget: every adapter took %,d steps of at most %,d tokens, with the same rank, learning rate and"
                         + " seed. The cocktail shares its budget among four tasks, so it saw about a quarter as many"
                         + " examples of each as the adapter of that task alone.")
                        .formatted(size.steps(), DemoSize.TOKENS_PER_STEP)),
                Html.of(
                    "li",
                    ("Splits: %,d training, %,d validation and %,d test questions of each task. A company occurs in one"
                            + " split only, and so does a pair of commodity and reason in headlines. Wordings, figures,"
                            + " periods and commodities are shared: the tests ask about new facts in known language.")
                        .formatted(size.trainItems(), size.validationItems(), size.testItems())),
                Html.of(
                    "li",
                    "The base model was pretrained by Cocktail on generated text without the tests' companies. It was"
                        + " never asked these questions."),
                Html.of(
                    "li",
                    "Choice: none. What is scored is what the last step left, for all adapters. Test sets were scored"
                        + " once."),
                Html.of(
                    "li",
                    "Intervals: 10,000 draws of whole sentences, headlines or tables with replacement, the same draws"
                        + " for all models; percentiles. p is two-sided, adjusted for four questions as Holm does;"
                        + " below 0.05 it is called a difference."),
                Html.of(
                    "li",
                    "Not shown: other seeds, other mixtures, other sizes, real news. One run of each adapter says"
                        + " nothing about how much another seed would change."),
                Html.of("li", "Computed on " + device + ".")),
        table.element());
  }
}
