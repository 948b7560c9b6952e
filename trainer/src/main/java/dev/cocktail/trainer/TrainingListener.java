package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * Hears of a run as it goes; called on the training thread, so it should be quick. A run that is continued from a
 * checkpoint is heard of from there on; steps that came after the checkpoint are taken, and told of, again.
 *
 * <pre>{@code
 * fineTuning.listener(
 *     new TrainingListener() {
 *       @Override
 *       public void stepped(StepReport report) {
 *         System.out.println(report.step() + " of " + report.steps() + ": " + report.outcome().loss());
 *       }
 *     });
 * }</pre>
 */
public interface TrainingListener {
  /**
   * A run begins, or is continued.
   *
   * @param folder the run's folder
   * @param tasks the tasks' names by their number
   * @param steps how many steps there will be, unless the run is stopped before
   * @param taken how many of them a checkpoint has behind it; 0 for a run that begins
   */
  record RunStart(Path folder, List<String> tasks, int steps, int taken) {}

  /**
   * One step was taken.
   *
   * @param step number of the step, from 1
   * @param steps how many there will be
   * @param epoch passes over the data so far, as a fraction
   * @param tasks loss of each task that the step drew from, by name
   * @param outcome losses, norm and times
   * @param shareOfPeak what part of the device's multiply-add peak the step's arithmetic took, where the peak is known
   */
  record StepReport(
      int step,
      int steps,
      double epoch,
      double learningRate,
      Map<String, TaskLoss> tasks,
      TrainingStep.Outcome outcome,
      OptionalDouble shareOfPeak) {}

  /**
   * The validation sets were scored.
   *
   * @param step number of steps taken before
   * @param loss of all tasks together, the same kind of mean as a step's
   * @param tasks loss of each task that has a validation set, by name
   * @param evaluations what became of each task that has a metric, by name; empty where metrics were not due
   */
  record EvaluationReport(
      int step, int steps, double loss, Map<String, TaskLoss> tasks, Map<String, Evaluation> evaluations) {}

  /**
   * What was learnt is better than ever before.
   *
   * @param step number of steps taken before
   * @param criterion as the run file writes it, such as {@code mean_loss}
   * @param value the criterion's
   * @param previous the best value before; empty for the first
   */
  record Improvement(int step, String criterion, double value, OptionalDouble previous) {}

  /**
   * A checkpoint is whole and on the disk.
   *
   * @param step number of steps taken before
   * @param folder where it is
   */
  record SavedCheckpoint(int step, int steps, Path folder) {}

  /**
   * The run stops since it no longer improves.
   *
   * @param step number of steps taken
   * @param best the number of steps after which it was best
   * @param patience evaluations without improvement that were allowed
   */
  record EarlyStop(int step, int steps, int best, int patience) {}

  /**
   * Something was scored on the test sets after training.
   *
   * @param which {@code best} or {@code last}
   * @param step number of steps that it has behind it
   * @param loss of all tasks together, the same kind of mean as a step's
   * @param tasks loss of each task that has a test set, by name
   * @param evaluations what became of each task that has a metric too, by name
   */
  record TestReport(
      String which, int step, double loss, Map<String, TaskLoss> tasks, Map<String, Evaluation> evaluations) {}

  /**
   * The run is over.
   *
   * @param steps how many steps were taken
   * @param trained the folder with what was trained, the best where the run chooses
   * @param last the folder with what the last step left, where that is another
   */
  record RunEnd(int steps, Path trained, Optional<Path> last) {}

  /** Passes everything on to several listeners, in their order. */
  static TrainingListener all(List<TrainingListener> listeners) {
    List<TrainingListener> copies = List.copyOf(listeners);
    return new TrainingListener() {
      private void each(Consumer<TrainingListener> event) {
        copies.forEach(event);
      }

      @Override
      public List<Path> appendedFiles() {
        return copies.stream().flatMap(listener -> listener.appendedFiles().stream()).toList();
      }

      @Override
      public void began(RunStart start) {
        each(listener -> listener.began(start));
      }

      @Override
      public void stepped(StepReport report) {
        each(listener -> listener.stepped(report));
      }

      @Override
      public void evaluated(EvaluationReport report) {
        each(listener -> listener.evaluated(report));
      }

      @Override
      public void improved(Improvement improvement) {
        each(listener -> listener.improved(improvement));
      }

      @Override
      public void saved(SavedCheckpoint checkpoint) {
        each(listener -> listener.saved(checkpoint));
      }

      @Override
      public void stoppedEarly(EarlyStop stop) {
        each(listener -> listener.stoppedEarly(stop));
      }

      @Override
      public void tested(TestReport report) {
        each(listener -> listener.tested(report));
      }

      @Override
      public void ended(RunEnd end) {
        each(listener -> listener.ended(end));
      }
    };
  }

  /**
   * Files in the run's folder that this listener appends to. A checkpoint remembers how long they are, so all that was
   * heard must be in them by now; a run that is continued cuts them to that length before {@link #began}, or to nothing
   * where the checkpoint does not know them. Asked before {@link #began} too.
   */
  default List<Path> appendedFiles() {
    return List.of();
  }

  /** A run begins, or is continued. */
  default void began(RunStart start) {}

  /** A step was taken. */
  default void stepped(StepReport report) {}

  /** The validation sets were scored. */
  default void evaluated(EvaluationReport report) {}

  /** What was learnt is better than ever before; told after the evaluation that found it. */
  default void improved(Improvement improvement) {}

  /** A checkpoint was saved. */
  default void saved(SavedCheckpoint checkpoint) {}

  /** The run stops before its last step. */
  default void stoppedEarly(EarlyStop stop) {}

  /** The test sets were scored. */
  default void tested(TestReport report) {}

  /** The run is over, and what was trained is saved; not told where it failed or was interrupted. */
  default void ended(RunEnd end) {}
}
