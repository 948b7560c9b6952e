package dev.cocktail.trainer.demo;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.EvaluationTask;
import dev.cocktail.eval.ItemResult;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.eval.statistics.ClusterBootstrap;
import dev.cocktail.eval.statistics.Clusters;
import dev.cocktail.eval.statistics.Estimate;
import dev.cocktail.eval.statistics.Holm;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.eval.statistics.ItemStatistic;
import dev.cocktail.eval.statistics.PairedDifference;
import dev.cocktail.trainer.RunMetrics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What came of the demo.
 *
 * @param scores each model's metric on each task's test set, with its 95 % interval
 * @param differences by how much the cocktail differs from the adapter that learnt the task alone
 * @param verdicts what these differences show, all together
 * @param evaluations all answers
 * @param metrics what each run wrote of its steps
 */
record DemoResults(
    Map<DemoArm, Map<DemoTask, Estimate>> scores,
    Map<DemoTask, PairedDifference> differences,
    Map<DemoTask, Verdict> verdicts,
    Map<DemoArm, Map<DemoTask, Evaluation>> evaluations,
    Map<DemoArm, RunMetrics> metrics) {
  /** What can be said of a difference. */
  enum Finding {
    BETTER("the cocktail is better"),
    WORSE("the cocktail is worse"),
    UNDECIDED("not enough evidence of a difference");

    private final String words;

    Finding(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  /**
   * What a difference shows.
   *
   * @param probability p, adjusted for asking about all tasks
   */
  record Verdict(Finding finding, double probability) {}

  /** A difference is called one where its adjusted p is below this. */
  static final double SIGNIFICANCE = 0.05;

  private static final long BOOTSTRAP_SEED = 1;

  /** Computes intervals and differences, by drawing sentences, headlines or tables, not single questions. */
  static DemoResults of(Map<DemoArm, Map<DemoTask, Evaluation>> evaluations, Map<DemoArm, RunMetrics> metrics) {
    Map<DemoArm, Map<DemoTask, Estimate>> scores = new LinkedHashMap<>();
    evaluations.forEach((arm, tasks) -> {
      Map<DemoTask, Estimate> row = new EnumMap<>(DemoTask.class);
      tasks.forEach((task, evaluation) ->
          row.put(task, bootstrap(evaluation.task()).estimate(statistic(evaluation), Interval.DEFAULT_LEVEL)));
      scores.put(arm, row);
    });
    Map<DemoTask, PairedDifference> differences = new EnumMap<>(DemoTask.class);
    for (DemoTask task : DemoTask.values()) {
      Evaluation mixed = evaluations.get(DemoArm.COCKTAIL).get(task);
      Evaluation alone = evaluations.get(DemoArm.alone(task)).get(task);
      differences.put(
          task, bootstrap(mixed.task()).difference(statistic(mixed), statistic(alone), Interval.DEFAULT_LEVEL));
    }
    return new DemoResults(scores, differences, verdicts(differences), evaluations, metrics);
  }

  private static ClusterBootstrap bootstrap(EvaluationTask task) {
    Clusters clusters = Clusters.of(task.items().stream().map(item -> item.cluster()).toList());
    return new ClusterBootstrap(clusters, ClusterBootstrap.DEFAULT_RESAMPLES, BOOTSTRAP_SEED);
  }

  private static ItemStatistic statistic(Evaluation evaluation) {
    List<Outcome> outcomes = evaluation.items().stream().map(ItemResult::strict).toList();
    return items ->
        evaluation.task().metrics().getFirst().of(Arrays.stream(items).mapToObj(outcomes::get).toList()).orElseThrow();
  }

  static Map<DemoTask, Verdict> verdicts(Map<DemoTask, PairedDifference> differences) {
    List<DemoTask> tasks = List.copyOf(differences.keySet());
    double[] adjusted = Holm.adjust(tasks.stream().mapToDouble(task -> differences.get(task).probability()).toArray());
    Map<DemoTask, Verdict> verdicts = new EnumMap<>(DemoTask.class);
    for (int i = 0; i < adjusted.length; i++) {
      double value = differences.get(tasks.get(i)).value();
      Finding finding =
          adjusted[i] >= SIGNIFICANCE || value == 0 ? Finding.UNDECIDED : value > 0 ? Finding.BETTER : Finding.WORSE;
      verdicts.put(tasks.get(i), new Verdict(finding, adjusted[i]));
    }
    return verdicts;
  }

  /** The tasks of a finding, in order. */
  List<DemoTask> with(Finding finding) {
    return verdicts.keySet().stream().filter(task -> verdicts.get(task).finding() == finding).toList();
  }

  /** The share that a model would have right on a task if it always gave the answer that is right most often. */
  double constant(DemoTask task) {
    List<ItemResult> items = evaluations.get(DemoArm.BASE).get(task).items();
    Map<String, Long> answers =
        items.stream().collect(Collectors.groupingBy(item -> item.strict().gold(), Collectors.counting()));
    return (double) Collections.max(answers.values()) / items.size();
  }

  /** What happened, in one sentence for each finding, and which tasks nobody learnt. */
  List<String> sentences() {
    List<String> sentences = new ArrayList<>(findings());
    for (DemoTask task : DemoTask.values()) {
      if (answersOnlyOneThing(DemoArm.COCKTAIL, task) && answersOnlyOneThing(DemoArm.alone(task), task)) {
        sentences.add(
            "On %s both gave a single answer to all questions: neither learnt the task.".formatted(task.label()));
      }
    }
    return sentences;
  }

  private boolean answersOnlyOneThing(DemoArm arm, DemoTask task) {
    return evaluations.get(arm).get(task).items().stream().map(ItemResult::answer).distinct().count() == 1;
  }

  private List<String> findings() {
    return Arrays.stream(Finding.values())
        .filter(finding -> !with(finding).isEmpty())
        .map(finding -> {
          String tasks = String.join(", ", with(finding).stream().map(DemoTask::label).toList());
          return switch (finding) {
            case BETTER -> "On " + tasks + " the cocktail was better than the adapter of that task alone.";
            case WORSE -> "On " + tasks + " the cocktail was worse than the adapter of that task alone.";
            case UNDECIDED ->
                "On " + tasks + " there is not enough evidence that the cocktail and the task alone differ.";
          };
        })
        .toList();
  }

  /** The mean over tasks of the strict share that could not be read, for a model. */
  double unreadable(DemoArm arm) {
    return evaluations.get(arm).values().stream()
        .mapToDouble(evaluation -> evaluation.unreadable(Reading.STRICT).orElse(Double.NaN))
        .average()
        .orElse(Double.NaN);
  }
}
