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
import java.util.function.BooleanSupplier;
import java.util.function.IntToDoubleFunction;

/** The training loop: draws batches, takes steps, scores the validation sets, and tells listeners. */
public final class Trainer {
  /**
   * How to train.
   *
   * @param learningRate of a step, by its number from 0
   * @param optimiser the constants of AdamW and the clipping
   * @param checkpointLayers recompute decoder layers in the backward pass instead of keeping them
   * @param evaluateEvery score the validation sets after every so many steps; they are scored at the start and at the
   *     end in any case, 0 for only then
   * @param seed decides everything random in the loop, that is, dropout
   * @param loss what a step's loss, and that of the validation sets, is a mean of
   */
  public record Options(
      IntToDoubleFunction learningRate,
      AdamWOptimizer.Settings optimiser,
      boolean checkpointLayers,
      int evaluateEvery,
      long seed,
      LossRule loss) {}

  /** Keeps dropout's numbers apart from those of other users of the same seed. */
  private static final long DROPOUT_STREAM = 0x64726F70;

  private final Phi3Model model;
  private final Trainable trainable;
  private final List<String> taskNames;
  private final Options options;
  private final TrainingStep step;

  /**
   * A loop over a model.
   *
   * @param taskNames names of the tasks by their number
   */
  public Trainer(Phi3Model model, Trainable trainable, List<String> taskNames, Options options) {
    this.model = requireNonNull(model, "model");
    this.trainable = requireNonNull(trainable, "trainable");
    this.taskNames = List.copyOf(taskNames);
    this.options = requireNonNull(options, "options");
    this.step = new TrainingStep(model, taskNames.size(), options.checkpointLayers(), options.loss());
  }

  /**
   * Runs the plan.
   *
   * @param validation packed validation sequences of all tasks; may be empty
   * @param stop asked before every step whether to stop there
   * @return how many steps were taken
   * @throws TrainingFailedException when a loss or gradient is not finite; the parameters are the last whose loss was,
   *     or, where these are too many to keep twice, those of the step before
   */
  public int train(TrainingPlan plan, List<MicroBatch> validation, TrainingListener listener, BooleanSupplier stop) {
    RandomKey dropout = new RandomKey(options.seed(), 0).derive(DROPOUT_STREAM);
    try (var optimiser =
        new AdamWOptimizer(model.device(), trainable.parameters(), options.optimiser(), trainable.isSmall())) {
      evaluate(0, plan.steps(), validation, listener, optimiser);
      var batches = new PreparedBatches(plan);
      var arithmetic = StepArithmetic.of(model, trainable);
      for (int s = 0; s < plan.steps(); s++) {
        if (stop.getAsBoolean()) {
          return s;
        }
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
          throw notFinite(
              s + 1, s, what + " at learning rate " + String.format(Locale.ROOT, "%.3g", learningRate), optimiser);
        }
        listener.stepped(
            new TrainingListener.StepReport(
                s + 1,
                plan.steps(),
                plan.epochsAfter(s + 1),
                learningRate,
                byName(outcome.tasks()),
                outcome,
                shareOfPeak(arithmetic.of(batch), outcome.nanos())));
        boolean last = s + 1 == plan.steps();
        if (last || options.evaluateEvery() > 0 && (s + 1) % options.evaluateEvery() == 0) {
          evaluate(s + 1, plan.steps(), validation, listener, optimiser);
        }
      }
    }
    return plan.steps();
  }

  private OptionalDouble shareOfPeak(double operations, long nanos) {
    OptionalDouble peak = model.device().peakOperationsPerSecond();
    return peak.isEmpty() ? peak : OptionalDouble.of(1e9 * operations / nanos / peak.getAsDouble());
  }

  private void evaluate(
      int stepsTaken, int steps, List<MicroBatch> validation, TrainingListener listener, AdamWOptimizer optimiser) {
    if (validation.isEmpty()) {
      return;
    }
    List<TaskLoss> byTask = step.evaluate(validation, trainable.inference());
    Map<String, TaskLoss> losses = byName(byTask);
    listener.evaluated(
        new TrainingListener.EvaluationReport(
            stepsTaken, steps, TaskLoss.mean(options.loss(), byTask), losses, Map.of()));
    for (var entry : losses.entrySet()) {
      double loss = entry.getValue().mean();
      if (!Double.isFinite(loss)) {
        throw notFinite(stepsTaken, stepsTaken, "the validation loss of " + entry.getKey() + " is " + loss, optimiser);
      }
    }
  }

  /** Goes back to the parameters before the last update, the last of which a loss is known that is a number. */
  private static TrainingFailedException notFinite(int step, int stepsTaken, String what, AdamWOptimizer optimiser) {
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
}
