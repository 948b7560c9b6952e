package dev.cocktail.trainer.cli;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.Scores;
import dev.cocktail.trainer.TaskLoss;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

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
              Durations.text(System.nanoTime() - started),
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
    result.best().ifPresent(best -> lines.addAll(tests(best)));
    lines.addAll(tests(result.last()));
    result
        .best()
        .ifPresent(best ->
            lines.add(
                String.format(
                    Locale.ROOT,
                    "best by %s: after step %d of %d, %.4f; the last is in %s",
                    best.choice().orElseThrow().criterion(),
                    best.step(),
                    result.steps(),
                    best.choice().orElseThrow().value(),
                    result.last().folder())));
    lines.add(result.trained().toString());
    return lines;
  }

  /** What a state came to on the test sets, a line a task. */
  private List<String> tests(FineTuning.State state) {
    List<String> lines = new ArrayList<>();
    state
        .test()
        .ifPresent(scores ->
            scores
                .losses()
                .forEach((task, loss) ->
                    lines.add(
                        String.format(
                            Locale.ROOT,
                            "%s: of the %s, test loss %.4f%s",
                            task,
                            state.which(),
                            loss,
                            ownMetric(task)
                                .filter(_ -> scores.metrics().containsKey(task))
                                .map(metric -> ", " + metric.label() + " " + metric(scores, task, metric))
                                .orElse("")))));
    return lines;
  }

  private Optional<Metric> ownMetric(String task) {
    return run.tasks().stream()
        .filter(section -> section.name().equals(task))
        .flatMap(section -> section.metric().stream())
        .findFirst();
  }

  private static String metric(Scores scores, String task, Metric metric) {
    Double value = scores.metrics().getOrDefault(task, Map.of()).get(metric.label());
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }

  private static String loss(Scores scores, String task) {
    Double value = scores.losses().get(task);
    return value == null ? "-" : String.format(Locale.ROOT, "%.4f", value);
  }

  /** What each task had of the run, and its validation loss and metric before the first step and at the end. */
  private List<String> tasks(FineTuning.Result result) {
    double examples = learnt.stream().mapToLong(TaskLoss::examples).sum();
    double targets = learnt.stream().mapToLong(TaskLoss::tokens).sum();
    List<Scores> states = new ArrayList<>();
    result.before().ifPresent(states::add);
    result.best().flatMap(FineTuning.State::validation).ifPresent(states::add);
    result.last().validation().ifPresent(states::add);
    String which = result.best().isPresent() ? "first -> best -> last" : "first -> last";
    List<String[]> rows = new ArrayList<>();
    rows.add(
        new String[] {
          "task",
          taken == 0 ? "examples" : "examples after step " + taken,
          "share",
          "of what is learnt",
          "validation loss, " + which,
          "metric, " + which
        });
    for (int task = 0; task < run.tasks().size(); task++) {
      String name = run.tasks().get(task).name();
      TaskLoss had = task < learnt.size() ? learnt.get(task) : TaskLoss.NONE;
      rows.add(
          new String[] {
            name,
            examples == 0 ? "-" : String.format(Locale.ROOT, "%,d", had.examples()),
            examples == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100 * had.examples() / examples),
            examples == 0 ? "-" : String.format(Locale.ROOT, "%.1f %%", 100 * had.tokens() / targets),
            states.stream().noneMatch(scores -> scores.losses().containsKey(name))
                ? "-"
                : states.stream().map(scores -> loss(scores, name)).collect(Collectors.joining(" -> ")),
            ownMetric(name)
                .filter(_ -> states.stream().anyMatch(scores -> scores.metrics().containsKey(name)))
                .map(metric ->
                    states.stream()
                        .map(scores -> metric(scores, name, metric))
                        .collect(Collectors.joining(" -> ", metric.label() + " ", "")))
                .orElse("-")
          });
    }
    boolean hasMetrics = states.stream().anyMatch(scores -> !scores.metrics().isEmpty());
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
}
