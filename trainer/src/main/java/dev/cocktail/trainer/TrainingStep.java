package dev.cocktail.trainer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Moment;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.trainer.data.LossRule;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.ForwardObserver;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;

/**
 * One training step on packed sequences: forward and backward for every micro-batch, then the optimiser.
 *
 * <p>The loss is a mean over the supervised tokens of the whole step, as a {@link LossRule} says: how much each token
 * weighs does not depend on how the step is cut into micro-batches.
 */
public final class TrainingStep {
  /**
   * What a step did.
   *
   * @param loss what the step made smaller, the mean that the rule says
   * @param tasks loss of each task, by the task's number
   * @param gradientNorm before clipping; not finite when the step was refused
   * @param tokens number of tokens
   * @param forwardNanos time of the forward passes, the loss with its gradient among them
   * @param backwardNanos time of the backward passes
   * @param optimiserNanos time of clipping and AdamW
   * @param peakBytes largest memory of one micro-batch's activations and gradients
   */
  public record Outcome(
      double loss,
      List<TaskLoss> tasks,
      double gradientNorm,
      int tokens,
      long forwardNanos,
      long backwardNanos,
      long optimiserNanos,
      long peakBytes) {
    /** Number of supervised tokens. */
    public long supervisedTokens() {
      return tasks.stream().mapToLong(TaskLoss::tokens).sum();
    }

    /** Whether loss and gradient are numbers, and so the optimiser took the step. */
    public boolean isFinite() {
      return Double.isFinite(loss) && Double.isFinite(gradientNorm);
    }

    /** Time of the whole step. */
    public long nanos() {
      return forwardNanos + backwardNanos + optimiserNanos;
    }
  }

  private final Phi3Model model;
  private final Device device;
  private final int taskCount;
  private final boolean checkpointLayers;
  private final LossRule lossRule;

  /** Before each micro-batch's forward and backward pass, before the update, and after it. */
  private final List<Moment> moments = new ArrayList<>();

  /**
   * Steps on a model whose loss is one mean over all supervised tokens.
   *
   * @param taskCount number of tasks; sequences' tasks are below it
   * @param checkpointLayers whether decoder layers are recomputed in the backward pass instead of kept
   */
  public TrainingStep(Phi3Model model, int taskCount, boolean checkpointLayers) {
    this(model, taskCount, checkpointLayers, LossRule.TOKENS);
  }

  /**
   * Steps on a model.
   *
   * @param taskCount number of tasks; sequences' tasks are below it
   * @param checkpointLayers whether decoder layers are recomputed in the backward pass instead of kept
   * @param lossRule what the loss is a mean of
   */
  public TrainingStep(Phi3Model model, int taskCount, boolean checkpointLayers, LossRule lossRule) {
    this.lossRule = requireNonNull(lossRule, "lossRule");
    this.model = requireNonNull(model, "model");
    this.device = model.device();
    this.taskCount = taskCount;
    this.checkpointLayers = checkpointLayers;
  }

  /**
   * Runs one step.
   *
   * @param transform what to put in the place of linear projections, for each micro-batch's number
   * @param optimiser takes the step, unless loss or gradient are not finite
   */
  public Outcome run(
      StepBatch batch, IntFunction<LinearTransform> transform, AdamWOptimizer optimiser, double learningRate) {
    return run(batch, transform, optimiser, learningRate, () -> {});
  }

  /**
   * Runs one step.
   *
   * @param transform what to put in the place of linear projections, for each micro-batch's number
   * @param optimiser takes the step, unless loss or gradient are not finite
   * @param meanwhile done on the host while the device has the step in hand, such as packing the next batch
   */
  public Outcome run(
      StepBatch batch,
      IntFunction<LinearTransform> transform,
      AdamWOptimizer optimiser,
      double learningRate,
      Runnable meanwhile) {
    if (batch.supervisedTokens() == 0) {
      throw new IllegalArgumentException("a step without a supervised token");
    }
    double[] weights = lossRule.tokenWeights(batch, taskCount);
    int count = batch.microBatches().size();
    while (moments.size() < 2 * count + 2) {
      moments.add(device.openMoment());
    }
    long peak = 0;
    try (TensorArena kept = device.openArena("losses")) {
      List<TokenLosses> losses = new ArrayList<>();
      for (int m = 0; m < count; m++) {
        moments.get(2 * m).mark();
        if (m == 0) {
          optimiser.zeroGradients();
        }
        try (TensorArena arena = device.openArena("step")) {
          TokenBatch tokens = pack(batch.microBatches().get(m), weights, arena);
          try (Tape tape = Tape.recording(device, arena)) {
            losses.add(TokenLosses.keep(device, kept, tokens, forward(tape, tokens, transform.apply(m))));
            moments.get(2 * m + 1).mark();
            tape.backward();
          }
          peak = Math.max(peak, arena.peakBytes());
        }
      }
      moments.get(2 * count).mark();
      optimiser.measure();
      meanwhile.run();
      // The step's one wait: all of it but the update is issued by now, and what is read decides on the update.
      TaskLoss[] byTask = noLosses();
      losses.forEach(tokenLosses -> tokenLosses.addTo(byTask, device));
      List<TaskLoss> tasks = List.of(byTask);
      boolean finite = Double.isFinite(tasks.stream().mapToDouble(TaskLoss::sum).sum());
      double norm = finite ? optimiser.step(learningRate) : Double.NaN;
      moments.get(2 * count + 1).mark();
      return outcome(tasks, norm, batch, peak);
    }
  }

  private Outcome outcome(List<TaskLoss> tasks, double norm, StepBatch batch, long peak) {
    int count = batch.microBatches().size();
    long forward = 0;
    long backward = 0;
    for (int m = 0; m < count; m++) {
      forward += moments.get(2 * m + 1).nanosSince(moments.get(2 * m));
      backward += moments.get(2 * m + 2).nanosSince(moments.get(2 * m + 1));
    }
    long optimiser = moments.get(2 * count + 1).nanosSince(moments.get(2 * count));
    return new Outcome(TaskLoss.mean(lossRule, tasks), tasks, norm, batch.tokens(), forward, backward, optimiser, peak);
  }

  /**
   * The loss of each task on sequences that are not learnt from.
   *
   * @param between called before each batch; what it throws ends the evaluation
   */
  public List<TaskLoss> evaluate(List<MicroBatch> batches, LinearTransform transform, Runnable between) {
    TaskLoss[] losses = noLosses();
    double[] unweighted = new double[taskCount];
    Arrays.fill(unweighted, 1);
    for (MicroBatch batch : batches) {
      between.run();
      try (TensorArena arena = device.openArena("evaluation")) {
        TokenBatch tokens = pack(batch, unweighted, arena);
        try (Tape tape = Tape.inference(device, arena)) {
          new TokenLosses(tokens, forward(tape, tokens, transform)).addTo(losses, device);
        }
      }
    }
    return List.of(losses);
  }

  private Tensor forward(Tape tape, TokenBatch tokens, LinearTransform transform) {
    Variable hidden = model.forward(tape, tokens, transform, ForwardObserver.NONE, checkpointLayers);
    return model.loss(tape, hidden, tokens);
  }

  /** A micro-batch, its supervised tokens weighted by their tasks. */
  private TokenBatch pack(MicroBatch batch, double[] weights, TensorArena arena) {
    List<TokenSequence> sequences = new ArrayList<>();
    for (MicroBatch.Sequence sequence : batch.sequences()) {
      sequences.add(
          TokenSequence.supervised(sequence.example().ids(), sequence.example().labels())
              .ofTask(sequence.task())
              .weighted(weights[sequence.task()]));
    }
    return TokenBatch.pack(model.config(), device, arena, sequences);
  }

  private TaskLoss[] noLosses() {
    TaskLoss[] losses = new TaskLoss[taskCount];
    Arrays.fill(losses, TaskLoss.NONE);
    return losses;
  }
}
