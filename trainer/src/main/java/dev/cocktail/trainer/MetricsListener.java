package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.trainer.data.TaskShare;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes what happens in a run to its {@code metrics.jsonl}. */
final class MetricsListener implements TrainingListener {
  /** Keys of a step whose values are the clock's; all others are the same whenever the same run is made again. */
  static final Set<String> TIMED_KEYS =
      Set.of("tokens_per_s", "forward_ms", "backward_ms", "optimiser_ms", "share_of_peak");

  private final MetricsWriter metrics;
  private final List<String> taskNames;
  private final TrainingPlan plan;
  private final RunProgress progress;

  /**
   * Writes for a plan.
   *
   * @param taskNames names of the tasks by their number
   * @param progress hears of everything before this does
   */
  MetricsListener(MetricsWriter metrics, List<String> taskNames, TrainingPlan plan, RunProgress progress) {
    this.metrics = metrics;
    this.taskNames = List.copyOf(taskNames);
    this.plan = plan;
    this.progress = progress;
  }

  @Override
  public List<Path> appendedFiles() {
    return List.of(metrics.file());
  }

  @Override
  public void stepped(StepReport report) {
    TrainingStep.Outcome outcome = report.outcome();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "step");
    row.put("step", report.step());
    row.put("epoch", report.epoch());
    row.put("loss", outcome.loss());
    row.put("learning_rate", report.learningRate());
    row.put("grad_norm", outcome.gradientNorm());
    row.put("tokens", outcome.tokens());
    row.put("supervised_tokens", outcome.supervisedTokens());
    row.put("tokens_per_s", 1e9 * outcome.tokens() / outcome.nanos());
    row.put("forward_ms", outcome.forwardNanos() / 1e6);
    row.put("backward_ms", outcome.backwardNanos() / 1e6);
    row.put("optimiser_ms", outcome.optimiserNanos() / 1e6);
    report.shareOfPeak().ifPresent(share -> row.put("share_of_peak", share));
    row.put("step_memory_mib", outcome.peakBytes() >> 20);
    row.put("tasks", tasks(report.tasks()));
    row.put("mixture", mixture(report));
    metrics.write(row);
  }

  /**
   * Of each task, also of those that the step drew nothing of: its planned and its realised share of the step's
   * examples and supervised tokens, and the realised ones of all steps so far.
   */
  private Map<String, Object> mixture(StepReport report) {
    List<TaskLoss> step = report.outcome().tasks();
    List<TaskShare> planned = plan.plannedShares(report.step() - 1, report.step());
    List<TaskShare> ofStep = realised(step);
    List<TaskShare> ofRun = realised(progress.learnt());
    Map<String, Object> tasks = new LinkedHashMap<>();
    for (int task = 0; task < step.size(); task++) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("planned_examples", planned.get(task).examples());
      row.put("examples", ofStep.get(task).examples());
      row.put("examples_so_far", ofRun.get(task).examples());
      row.put("planned_supervised_tokens", planned.get(task).supervisedTokens());
      row.put("supervised_tokens", ofStep.get(task).supervisedTokens());
      row.put("supervised_tokens_so_far", ofRun.get(task).supervisedTokens());
      tasks.put(taskNames.get(task), row);
    }
    return tasks;
  }

  private static List<TaskShare> realised(List<TaskLoss> tasks) {
    double examples = tasks.stream().mapToLong(TaskLoss::examples).sum();
    double tokens = tasks.stream().mapToLong(TaskLoss::tokens).sum();
    return tasks.stream().map(task -> new TaskShare(task.examples() / examples, task.tokens() / tokens)).toList();
  }

  @Override
  public void evaluated(EvaluationReport report) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "validation");
    row.put("step", report.step());
    row.put("loss", report.loss());
    row.put("tasks", tasks(report.tasks()));
    if (!report.evaluations().isEmpty()) {
      row.put("answers", summaries(report.evaluations()));
    }
    metrics.write(row);
  }

  @Override
  public void improved(Improvement improvement) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "best");
    row.put("step", improvement.step());
    row.put("criterion", improvement.criterion());
    row.put("value", improvement.value());
    metrics.write(row);
  }

  @Override
  public void stoppedEarly(EarlyStop stop) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "early_stop");
    row.put("step", stop.step());
    row.put("best_step", stop.best());
    row.put("patience", stop.patience());
    metrics.write(row);
  }

  @Override
  public void tested(TestReport report) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("event", "test");
    row.put("which", report.which());
    row.put("step", report.step());
    row.put("loss", report.loss());
    row.put("tasks", tasks(report.tasks()));
    if (!report.evaluations().isEmpty()) {
      row.put("answers", summaries(report.evaluations()));
    }
    metrics.write(row);
  }

  private static Map<String, Object> summaries(Map<String, Evaluation> evaluations) {
    Map<String, Object> summaries = new LinkedHashMap<>();
    evaluations.forEach((task, evaluation) -> summaries.put(task, EvaluationSummary.of(evaluation)));
    return summaries;
  }

  private static Map<String, Object> tasks(Map<String, TaskLoss> losses) {
    Map<String, Object> tasks = new LinkedHashMap<>();
    losses.forEach((name, loss) -> {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("loss", loss.mean());
      row.put("supervised_tokens", loss.tokens());
      row.put("examples", loss.examples());
      tasks.put(name, row);
    });
    return tasks;
  }
}
