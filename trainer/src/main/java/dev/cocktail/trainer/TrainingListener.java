package dev.cocktail.trainer;

import java.util.List;
import java.util.Map;

/** Hears of a run as it goes; called on the training thread, so it should be quick. */
public interface TrainingListener {
  /**
   * One step was taken.
   *
   * @param step number of the step, from 1
   * @param steps how many there will be
   * @param epoch passes over the data so far, as a fraction
   * @param tasks loss of each task that the step drew from, by name
   * @param outcome losses, norm and times
   */
  record StepReport(
      int step,
      int steps,
      double epoch,
      double learningRate,
      Map<String, TaskLoss> tasks,
      TrainingStep.Outcome outcome) {}

  /**
   * The validation sets were scored.
   *
   * @param step number of steps taken before
   * @param loss of all tasks together, the same kind of mean as a step's
   * @param tasks loss of each task that has a validation set, by name
   */
  record EvaluationReport(int step, int steps, double loss, Map<String, TaskLoss> tasks) {}

  /** Passes everything on to several listeners, in their order. */
  static TrainingListener all(List<TrainingListener> listeners) {
    List<TrainingListener> copies = List.copyOf(listeners);
    return new TrainingListener() {
      @Override
      public void stepped(StepReport report) {
        copies.forEach(listener -> listener.stepped(report));
      }

      @Override
      public void evaluated(EvaluationReport report) {
        copies.forEach(listener -> listener.evaluated(report));
      }
    };
  }

  /** A step was taken. */
  default void stepped(StepReport report) {}

  /** The validation sets were scored. */
  default void evaluated(EvaluationReport report) {}
}
