package dev.cocktail.trainer.study;

import dev.cocktail.trainer.TrainingListener;
import java.util.List;

/** Hears of a study as it goes, on the thread that runs it. */
public interface StudyListener {
  /**
   * The study is planned, and its runs begin.
   *
   * @param left the runs that are not over yet
   */
  default void began(StudyPlan plan, List<PlannedRun> left) {}

  /** A run begins or goes on; what it returns hears of its steps. */
  default TrainingListener running(PlannedRun run) {
    return new TrainingListener() {};
  }

  /** A run is over. */
  default void finished(PlannedRun run) {}

  /**
   * A run failed; the study goes on without it.
   *
   * @param reason what it failed by
   */
  default void failed(PlannedRun run, String reason) {}

  /**
   * Questions were answered.
   *
   * @param who the run's name, or {@code base}
   * @param task whose questions
   * @param split {@code validation} or {@code test}
   * @param items how many questions
   * @param kept whether the answers were there from an earlier start
   */
  default void answered(String who, String task, String split, int items, boolean kept) {}

  /** Mixtures are chosen by their validation scores; the test sets are looked at from here on. */
  default void selected(List<Selected> chosen) {}
}
