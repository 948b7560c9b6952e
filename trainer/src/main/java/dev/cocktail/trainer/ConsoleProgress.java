package dev.cocktail.trainer;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
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
              .setConsumer(new DelegatingProgressBarConsumer(this::drawBar, 100))
              .build();
    }
    tokens += report.outcome().tokens();
    nanos += report.outcome().nanos();
    int step = report.step();
    if (step == 1 || step == report.steps() || step % logEvery == 0) {
      line(
          String.format(
              Locale.ROOT,
              "step %d/%d  epoch %.2f  loss %.4f%s  lr %.2e  norm %.3f  %,.0f tokens/s  %,d MiB",
              step,
              report.steps(),
              report.epoch(),
              report.outcome().loss(),
              byTask(report.tasks()),
              report.learningRate(),
              report.outcome().gradientNorm(),
              1e9 * tokens / nanos,
              report.outcome().peakBytes() >> 20));
      tokens = 0;
      nanos = 0;
    }
    if (bar != null) {
      bar.setExtraMessage(String.format(Locale.ROOT, " loss %.3f", report.outcome().loss()));
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
            byTask(report.tasks())));
  }

  private static String byTask(Map<String, TaskLoss> tasks) {
    return tasks.entrySet().stream()
        .map(entry -> String.format(Locale.ROOT, "%s %.4f", entry.getKey(), entry.getValue().mean()))
        .collect(Collectors.joining(", ", " (", ")"));
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
