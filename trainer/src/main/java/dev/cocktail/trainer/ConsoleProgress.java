package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows a run on a terminal: a line for every few steps and every evaluation, and below them, where a person is
 * watching, a bar with what is left.
 */
public final class ConsoleProgress implements TrainingListener, AutoCloseable {
  private static final String CLEAR_LINE = "\r\u001b[K";
  private static final int BAR_REFRESH_MILLIS = 250;
  private static final int NARROWEST = 40;

  private final PrintWriter out;
  private final int logEvery;
  private final boolean watched;
  private ProgressBar bar;
  private long tokens;
  private long nanos;

  /**
   * Shows on a writer.
   *
   * @param logEvery a line for every so many steps; the first and the last step have one in any case
   * @param watched whether the writer is a terminal that a person looks at
   */
  public ConsoleProgress(PrintWriter out, int logEvery, boolean watched) {
    this.out = out;
    this.logEvery = Math.max(1, logEvery);
    this.watched = watched;
  }

  @Override
  public void stepped(StepReport report) {
    if (watched && bar == null) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("training")
              .setInitialMax(report.steps())
              .setUnit(" steps", 1)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(BAR_REFRESH_MILLIS)
              .setConsumer(new DelegatingProgressBarConsumer(this::drawBar, terminalWidth()))
              .build();
    }
    tokens += report.outcome().tokens();
    nanos += report.outcome().nanos();
    int step = report.step();
    if (step == 1 || step == report.steps() || step % logEvery == 0) {
      line(
          String.format(
              Locale.ROOT,
              "step %d/%d  epoch %.2f  loss %.4f%s  lr %.2e  norm %.3f  %s",
              step,
              report.steps(),
              report.epoch(),
              report.outcome().loss(),
              byTask(report.tasks(), 4),
              report.learningRate(),
              report.outcome().gradientNorm(),
              speed(report, 1e9 * tokens / nanos)));
      tokens = 0;
      nanos = 0;
    }
    if (bar != null) {
      TrainingStep.Outcome outcome = report.outcome();
      bar.setExtraMessage(
          String.format(Locale.ROOT, " loss %.3f", outcome.loss())
              + byTask(report.tasks(), 2)
              + "  "
              + speed(report, 1e9 * outcome.tokens() / outcome.nanos()));
      bar.stepTo(step);
      if (step == report.steps()) {
        close();
      }
    }
  }

  @Override
  public void evaluated(EvaluationReport report) {
    line(
        String.format(
            Locale.ROOT,
            "validation after step %d/%d  loss %.4f%s",
            report.step(),
            report.steps(),
            report.loss(),
            byTask(report.tasks(), 4)));
    report.evaluations().values().forEach(evaluation -> line("  " + answers(evaluation)));
  }

  @Override
  public void tested(TestReport report) {
    line(
        String.format(
            Locale.ROOT,
            "test sets, with the %s state, that after step %d  loss %.4f%s",
            report.which(),
            report.step(),
            report.loss(),
            byTask(report.tasks(), 4)));
    report.evaluations().values().forEach(evaluation -> line("  " + answers(evaluation)));
  }

  /** A task's own metric, read strictly and leniently, and how many answers could not be read strictly. */
  private static String answers(Evaluation evaluation) {
    Metric metric = evaluation.task().metrics().getFirst();
    return String.format(
        Locale.ROOT,
        "%s: %s %.4f strictly, %.4f leniently read, %.1f %% unreadable (%,d items)",
        evaluation.task().name(),
        metric.label(),
        evaluation.value(metric, Reading.STRICT).orElse(Double.NaN),
        evaluation.value(metric, Reading.LENIENT).orElse(Double.NaN),
        100 * evaluation.unreadable(Reading.STRICT).orElse(Double.NaN),
        evaluation.items().size());
  }

  @Override
  public void improved(Improvement improvement) {
    line(
        String.format(
            Locale.ROOT,
            "best so far by %s: %.4f, after step %d",
            improvement.criterion(),
            improvement.value(),
            improvement.step()));
  }

  @Override
  public void saved(SavedCheckpoint checkpoint) {
    line("saved " + checkpoint.folder());
  }

  @Override
  public void stoppedEarly(EarlyStop stop) {
    line(
        String.format(
            Locale.ROOT,
            "stopping after step %d/%d: %d evaluations in a row were no better than the one after step %d",
            stop.step(),
            stop.steps(),
            stop.patience(),
            stop.best()));
  }

  private static String speed(StepReport report, double tokensPerSecond) {
    String share =
        report.shareOfPeak().isEmpty()
            ? ""
            : String.format(Locale.ROOT, "  %.0f %% of peak", 100 * report.shareOfPeak().getAsDouble());
    return String.format(
        Locale.ROOT, "%,.0f tokens/s%s  %,d MiB", tokensPerSecond, share, report.outcome().peakBytes() >> 20);
  }

  private static String byTask(Map<String, TaskLoss> tasks, int digits) {
    return tasks.entrySet().stream()
        .map(entry -> String.format(Locale.ROOT, "%s %." + digits + "f", entry.getKey(), entry.getValue().mean()))
        .collect(Collectors.joining(", ", " (", ")"));
  }

  private static int terminalWidth() {
    // Prints nothing: only asked how wide the terminal is.
    try (var terminal = new ConsoleProgressBarConsumer(new PrintStream(OutputStream.nullOutputStream()))) {
      return Math.max(NARROWEST, terminal.getMaxRenderedLength());
    }
  }

  private void line(String text) {
    synchronized (out) {
      out.println(watched ? CLEAR_LINE + text : text);
      out.flush();
    }
  }

  private void drawBar(String text) {
    synchronized (out) {
      out.print(CLEAR_LINE + text);
      out.flush();
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
      bar = null;
      synchronized (out) {
        out.print(CLEAR_LINE);
        out.flush();
      }
    }
  }
}
