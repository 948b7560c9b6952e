package dev.cocktail.trainer.cli;

import dev.cocktail.trainer.ConsoleProgress;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.study.PlannedRun;
import dev.cocktail.trainer.study.Selected;
import dev.cocktail.trainer.study.StudyListener;
import dev.cocktail.trainer.study.StudyPlan;
import java.io.PrintWriter;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Shows a whole study: which of its runs is under way, its steps, and what is left. What is left is told from the speed
 * of what was done since this start, never from what an earlier start had done.
 */
final class StudyProgress implements StudyListener, AutoCloseable {
  private final PrintWriter out;
  private final int logEvery;
  private final boolean watched;
  private final Set<PlannedRun> left = new HashSet<>();
  private ConsoleProgress steps;
  private int runs;
  private int number;
  private long tokensDone;

  /** Of the run under way, what an earlier start had done. */
  private double shareBefore;

  private long trainingNanos;
  private long itemsAnswered;
  private long answeringNanos;
  private long itemsOfARun;
  private long last = System.nanoTime();

  StudyProgress(PrintWriter out, int logEvery, boolean watched) {
    this.out = out;
    this.logEvery = logEvery;
    this.watched = watched;
  }

  @Override
  public void began(StudyPlan plan, List<PlannedRun> missing) {
    runs = plan.runs().size();
    left.addAll(missing);
    line(
        String.format(
            Locale.ROOT, "%,d arms, %,d runs, of which %,d are over", plan.arms().size(), runs, runs - missing.size()));
    last = System.nanoTime();
  }

  @Override
  public TrainingListener running(PlannedRun run) {
    close();
    number++;
    if (left.contains(run)) {
      line("");
      line("[%d/%d] %s%s".formatted(number, runs, run.name(), remaining()));
    }
    steps = new ConsoleProgress(out, logEvery, watched);
    last = System.nanoTime();
    shareBefore = 0;
    var before =
        new TrainingListener() {
          @Override
          public void began(RunStart start) {
            shareBefore = (double) start.taken() / start.steps();
          }
        };
    return TrainingListener.all(List.of(steps, before));
  }

  @Override
  public void finished(PlannedRun run) {
    if (left.remove(run)) {
      tokensDone += (long) (run.size().tokens() * (1 - shareBefore));
      trainingNanos += System.nanoTime() - last;
    }
    last = System.nanoTime();
  }

  @Override
  public void failed(PlannedRun run, String reason) {
    left.remove(run);
    line(run.name() + " failed: " + reason);
    last = System.nanoTime();
  }

  @Override
  public void answered(String who, String task, String split, int items, boolean kept) {
    if (!kept) {
      itemsAnswered += items;
      answeringNanos += System.nanoTime() - last;
      line(String.format(Locale.ROOT, "  %s answered %,d %s questions of %s", who, items, split, task));
    }
    if (who.equals("base") && split.equals("validation")) {
      itemsOfARun += items;
    }
    last = System.nanoTime();
  }

  @Override
  public void selected(List<Selected> chosen) {
    line("");
    line("Chosen by validation scores, before any test set was looked at:");
    chosen.forEach(one ->
        line(
            String.format(
                Locale.ROOT,
                "  %s: %s, %.4f; alone %.4f",
                one.target(),
                one.mixture().name(),
                one.score(),
                one.single())));
  }

  /** What is left, where something was measured to tell it from. */
  private String remaining() {
    if (tokensDone == 0 || itemsAnswered == 0) {
      return "";
    }
    double tokens = left.stream().mapToDouble(run -> run.size().tokens()).sum();
    double nanos =
        tokens * trainingNanos / tokensDone + (double) left.size() * itemsOfARun * answeringNanos / itemsAnswered;
    return ", and then %d more; about %s left before the test sets"
        .formatted(left.size() - 1, Durations.text((long) nanos));
  }

  private void line(String text) {
    out.println(text);
    out.flush();
  }

  @Override
  public void close() {
    if (steps != null) {
      steps.close();
      steps = null;
    }
  }
}
