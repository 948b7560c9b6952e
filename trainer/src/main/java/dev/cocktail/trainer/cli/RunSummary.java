package dev.cocktail.trainer.cli;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.TaskLoss;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a person wants to know when a run is over: how long it took and how fast it was, what each task had of it and
 * became by it, and where everything is. Hears of the run as it goes.
 */
final class RunSummary implements TrainingListener {
  private final RunFile run;
  private final long started = System.nanoTime();
  private int taken;
  private int steps;
  private long tokens;
  private long nanos;
  private double shareNanos;
  private boolean hasShare;
  private long peakBytes;
  private final List<TaskLoss> learnt = new ArrayList<>();
  private final Map<String, String> firstMetric = new LinkedHashMap<>();
  private final Map<String, String> lastMetric = new LinkedHashMap<>();

  RunSummary(RunFile run) {
    this.run = run;
  }

  @Override
  public void began(RunStart start) {
    taken = start.taken();
    steps = start.steps();
    start.tasks().forEach(_ -> learnt.add(TaskLoss.NONE));
  }

  @Override
  public void stepped(StepReport report) {
    tokens += report.outcome().tokens();
    nanos += report.outcome().nanos();
    hasShare |= report.shareOfPeak().isPresent();
    shareNanos += report.shareOfPeak().orElse(0) * report.outcome().nanos();
    peakBytes = Math.max(peakBytes, report.outcome().peakBytes());
    for (int task = 0; task < learnt.size(); task++) {
      learnt.set(task, learnt.get(task).plus(report.outcome().tasks().get(task)));
    }
  }

  @Override
  public void evaluated(EvaluationReport report) {
    report
        .evaluations()
        .forEach((task, evaluation) -> {
          firstMetric.putIfAbsent(task, value(evaluation));
          lastMetric.put(task, value(evaluation));
        });
  }

  /** A task's own metric, read strictly. */
  private static String value(Evaluation evaluation) {
    Metric metric = evaluation.task().metrics().getFirst();
    OptionalDouble value = evaluation.value(metric, Reading.STRICT);
    return value.isEmpty() ? "-" : String.format(Locale.ROOT, "%.4f", value.getAsDouble());
  }

  /** The summary, a line each. */
  List<String> lines(FineTuning.Result result) {
    List<String> lines = new ArrayList<>();
    if (nanos > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "%d of %d steps%s in %s, %,d tokens of which %,d were learnt",
              result.steps(),
              steps,
              taken == 0 ? "" : ", those after step " + taken + " now,",
              duration(System.nanoTime() - started),
              tokens,
              learnt.stream().mapToLong(TaskLoss::tokens).sum()));
      lines.add(
          String.format(
              Locale.ROOT,
              "%,.0f tokens/s while training%s, %,d MiB for a step",
              1e9 * tokens / nanos,
              hasShare ? String.format(Locale.ROOT, ", %.0f %% of peak", 100 * shareNanos / nanos) : "",
              peakBytes >> 20));
    }
    lines.addAll(tasks(result));
    result
        .test()
        .forEach((which, tasks) ->
            tasks.forEach((task, metrics) ->
                metrics.entrySet().stream()
                    .limit(1)
                    .forEach(own ->
                        lines.add(
                            String.format(
                                Locale.ROOT,
                                "%s: test %s of the %s %.4f",
                                task,
                                own.getKey(),
                                which,
                                own.getValue())))));
    result
        .best()
        .ifPresent(best ->
            lines.add(
                String.format(
                    Locale.ROOT,
                    "best by %s: after step %d of %d, %.4f; the last is in %s",
                    best.criterion(),
                    best.step(),
                    result.steps(),
                    best.value(),
                    result.last().orElseThrow())));
    lines.add(result.trained().toString());
    return lines;
  }

  /** What each task had of the run, and its validation loss and metric before the first step and at the end. */
  private List<String> tasks(FineTuning.Result result) {
    double examples = learnt.stream().mapToLong(TaskLoss::examples).sum();
    double targets = learnt.stream().mapToLong(TaskLoss::tokens).sum();
    List<String[]> rows = new ArrayList<>();
    rows.add(
        new String[] {
          "task", "examples", "share", "of what is learnt", "validation loss, first -> last", "metric, first -> last"
        });
    for (int task = 0; task < run.tasks().size(); task++) {
      String name = run.tasks().get(task).name();
      TaskLoss before = result.before().get(name);
      TaskLoss after = result.after().get(name);
      TaskLoss had = task < learnt.size() ? learnt.get(task) : TaskLoss.NONE;
      rows.add(
          new String[] {
            name,
            examples == 0 ? "-" : String.format(Locale.ROOT, "%,d", had.examples()),
            examples == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100 * had.examples() / examples),
            examples == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100 * had.tokens() / targets),
            before == null || after == null
                ? "-"
                : String.format(Locale.ROOT, "%.4f -> %.4f", before.mean(), after.mean()),
            run.tasks()
                .get(task)
                .metric()
                .filter(_ -> lastMetric.containsKey(name))
                .map(metric -> metric.label() + " " + firstMetric.get(name) + " -> " + lastMetric.get(name))
                .orElse("-")
          });
    }
    boolean hasMetrics = !lastMetric.isEmpty();
    List<String> lines = new ArrayList<>();
    for (String[] row : rows) {
      var line = new StringBuilder();
      for (int column = 0; column < row.length - (hasMetrics ? 0 : 1); column++) {
        int at = column;
        int width = rows.stream().mapToInt(each -> each[at].length()).max().orElseThrow();
        line.append(column == 0 ? "" : "  ").append(row[column]).repeat(' ', width - row[column].length());
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static String duration(long nanos) {
    Duration time = Duration.ofNanos(nanos);
    if (time.toHours() > 0) {
      return time.toHours() + " h " + time.toMinutesPart() + " min";
    }
    return time.toMinutes() > 0
        ? time.toMinutes() + " min " + time.toSecondsPart() + " s"
        : String.format(Locale.ROOT, "%.1f s", nanos / 1e9);
  }
}
