package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.RandomKey;
import dev.cocktail.trainer.data.LossRule;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.Phi3Model;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.IntToDoubleFunction;

/** The training loop: draws batches and takes steps. What is to be done around them is its {@link Course}'s part. */
public final class Trainer implements AutoCloseable {
  /** What happens around the steps. */
  public interface Course {
    /**
     * So many steps are taken; heard before the first, between all, and after the last.
     *
     * @return whether to go on
     */
    boolean pause(int taken);

    /** A step was taken. */
    void stepped(TrainingListener.StepReport report);
  }

  /**
   * How to train.
   *
   * @param learningRate of a step, by its number from 0
   * @param optimiser the constants of AdamW and the clipping
   * @param checkpointLayers recompute decoder layers in the backward pass instead of keeping them
   * @param seed decides everything random in the loop, that is, dropout
   * @param loss what a step's loss, and that of the validation sets, is a mean of
   */
  public record Options(
      IntToDoubleFunction learningRate,
      AdamWOptimizer.Settings optimiser,
      boolean checkpointLayers,
      long seed,
      LossRule loss) {}

  /** Keeps dropout's numbers apart from those of other users of the same seed. */
  private static final long DROPOUT_STREAM = 0x64726F70;

  private final Phi3Model model;
  private final Trainable trainable;
  private final List<String> taskNames;
  private final Options options;
  private final TrainingStep step;
  private final AdamWOptimizer optimiser;

  /**
   * A loop over a model; closing it frees the optimiser's memory.
   *
   * @param taskNames names of the tasks by their number
   */
  public Trainer(Phi3Model model, Trainable trainable, List<String> taskNames, Options options) {
    this.model = requireNonNull(model, "model");
    this.trainable = requireNonNull(trainable, "trainable");
    this.taskNames = List.copyOf(taskNames);
    this.options = requireNonNull(options, "options");
    this.step = new TrainingStep(model, taskNames.size(), options.checkpointLayers(), options.loss());
    this.optimiser =
        new AdamWOptimizer(model.device(), trainable.parameters(), options.optimiser(), trainable.isSmall());
  }

  /** The optimiser, whose state is part of a checkpoint. */
  public AdamWOptimizer optimiser() {
    return optimiser;
  }

  /**
   * Takes a plan's steps.
   *
   * @param taken how many of them parameters and optimiser have behind them
   * @return how many steps are taken now
   * @throws TrainingFailedException when a loss or gradient is not finite; the parameters are the last whose loss was,
   *     or, where these are too many to keep twice, those of the step before
   */
  public int train(TrainingPlan plan, int taken, Course course) {
    RandomKey dropout = new RandomKey(options.seed(), 0).derive(DROPOUT_STREAM);
    var batches = new PreparedBatches(plan);
    var arithmetic = StepArithmetic.of(model, trainable);
    int s = taken;
    while (course.pause(s) && s < plan.steps()) {
      StepBatch batch = batches.get(s);
      int following = s + 1;
      RandomKey ofStep = dropout.derive(s);
      double learningRate = options.learningRate().applyAsDouble(s);
      TrainingStep.Outcome outcome =
          step.run(
              batch,
              micro -> trainable.training(ofStep.derive(micro)),
              optimiser,
              learningRate,
              () -> batches.prepare(following));
      if (!outcome.isFinite()) {
        String what =
            Double.isFinite(outcome.loss())
                ? "the gradient's norm is " + outcome.gradientNorm() + " (loss " + outcome.loss() + ")"
                : "the loss is " + outcome.loss();
        throw notFinite(s + 1, s, what + " at learning rate " + String.format(Locale.ROOT, "%.3g", learningRate));
      }
      s = following;
      course.stepped(
          new TrainingListener.StepReport(
              s,
              plan.steps(),
              plan.epochsAfter(s),
              learningRate,
              byName(outcome.tasks()),
              outcome,
              shareOfPeak(arithmetic.of(batch), outcome.nanos())));
    }
    return s;
  }

  private OptionalDouble shareOfPeak(double operations, long nanos) {
    OptionalDouble peak = model.device().peakOperationsPerSecond();
    return peak.isEmpty() ? peak : OptionalDouble.of(1e9 * operations / nanos / peak.getAsDouble());
  }

  /**
   * The losses of sequences that are not learnt from, by task.
   *
   * @param loss of all tasks together, the same kind of mean as a step's
   * @param tasks of each task that has any, by name
   */
  public record Validation(double loss, Map<String, TaskLoss> tasks) {}

  /**
   * Scores packed sequences of all tasks.
   *
   * @param between called before each batch; what it throws ends the evaluation
   */
  public Validation validate(List<MicroBatch> sequences, Runnable between) {
    List<TaskLoss> byTask = step.evaluate(sequences, trainable.inference(), between);
    return new Validation(TaskLoss.mean(options.loss(), byTask), byName(byTask));
  }

  /**
   * Refuses to go on with losses that are no numbers.
   *
   * @throws TrainingFailedException as {@link #train} does
   */
  public void requireFinite(int taken, Validation validation) {
    for (var entry : validation.tasks().entrySet()) {
      double loss = entry.getValue().mean();
      if (!Double.isFinite(loss)) {
        throw notFinite(taken, taken, "the validation loss of " + entry.getKey() + " is " + loss);
      }
    }
  }

  /** Goes back to the parameters before the last update, the last of which a loss is known that is a number. */
  private TrainingFailedException notFinite(int step, int stepsTaken, String what) {
    boolean undone = optimiser.undo();
    String help =
        stepsTaken == 0
            ? "nothing was learnt yet, so look for Inf and NaN among the model's weights, and for a lora_alpha that is"
                + " too large"
            : "a lower learning_rate or longer warm-up usually helps";
    return new TrainingFailedException(
        step, undone ? stepsTaken - 1 : stepsTaken, "step " + step + ": " + what + "; " + help);
  }

  private Map<String, TaskLoss> byName(List<TaskLoss> losses) {
    Map<String, TaskLoss> byName = new LinkedHashMap<>();
    for (int task = 0; task < losses.size(); task++) {
      if (losses.get(task).examples() > 0) {
        byName.put(taskNames.get(task), losses.get(task));
      }
    }
    return byName;
  }

  @Override
  public void close() {
    optimiser.close();
  }
}
