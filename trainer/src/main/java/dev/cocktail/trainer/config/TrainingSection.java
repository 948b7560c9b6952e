package dev.cocktail.trainer.config;

import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.data.ExampleEncoder;
import dev.cocktail.trainer.data.LeakAudit;
import dev.cocktail.trainer.data.LossRule;
import dev.cocktail.trainer.data.StopRule;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.trainer.optimiser.LearningRateSchedule;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** {@code training}: how long, in what portions, and how the weights are changed. */
@Planned({"optimizer", "dtype", "bf16", "fp16"})
public record TrainingSection(
    @Key(
            value = "Passes over the data; a fraction is allowed.",
            whenAbsent = "3.0, unless the run ends otherwise",
            above = 0,
            atMost = 1e6)
        OptionalDouble epochs,
    @Key(
            value =
                "Whose passes epochs counts: all (as many examples as there are), or those of the largest or smallest"
                    + " task that is drawn.",
            defaultsTo = "all")
        EpochsOf epochsOf,
    @Key(value = "Number of optimiser steps, instead of epochs.", whenAbsent = "epochs decides", atLeast = 1)
        OptionalInt maxSteps,
    @Key(value = "Number of examples, instead of epochs.", whenAbsent = "epochs decides", atLeast = 1)
        OptionalLong maxExamples,
    @Key(
            value = "Number of supervised tokens, instead of epochs; the example that reaches it is the last.",
            whenAbsent = "epochs decides",
            atLeast = 1)
        OptionalLong maxSupervisedTokens,
    @Key(
            value =
                "What a step's loss is: tokens, one mean over all its supervised tokens, or tasks, the weighted mean of"
                    + " the means of the tasks in it.",
            defaultsTo = "tokens")
        LossRule.Reduction loss,
    @Key(
            value = "For loss tasks: a weight for each task, such as {news: 2}; 1 where none is given.",
            whenAbsent = "all the same",
            above = 0,
            atMost = 1e9)
        TaskNumbers lossWeights,
    @Key(value = "Longest example in tokens.", defaultsTo = "2048", atLeast = 2) int maxLength,
    @Key(
            value =
                "What becomes of a longer example: error, drop (left out and counted), cut (the end of its document,"
                    + " see tasks[].template.document, is cut and counted; an error where that does not suffice), or"
                    + " cut_or_drop.",
            defaultsTo = "error")
        ExampleEncoder.TooLong onTooLong,
    @Key(
            value =
                "What validation and test examples mean that are training examples too, of any task, as the same text"
                    + " but for case, white space and web addresses, or from the same source (see tasks[].cluster):"
                    + " warn, error, or exclude, which leaves those training examples out.",
            defaultsTo = "warn")
        LeakAudit.Policy onSharedExamples,
    @Key(
            value =
                "A file of fingerprints, as a leak audit writes it; training examples that have one of them are left"
                    + " out and counted.",
            whenAbsent = "none")
        Optional<Path> leaveOut,
    @Key(value = "Tokens of one optimiser step, at most.", defaultsTo = "16384", atLeast = 1) int tokensPerStep,
    @Key(
            value = "Tokens computed at once; a step is split into such portions, which changes memory, not results.",
            defaultsTo = "= max_length",
            atLeast = 1)
        int microBatchTokens,
    @Key(value = "The learning rate after the warm-up.", defaultsTo = "2.0e-4", above = 0, atMost = 1e3)
        double learningRate,
    @Key(value = "What the learning rate does after the warm-up: constant, linear or cosine.", defaultsTo = "cosine")
        LearningRateSchedule.Shape schedule,
    @Key(value = "Share of the steps that warm up.", defaultsTo = "0.0", atLeast = 0, atMost = 1) double warmupRatio,
    @Key(value = "Number of steps that warm up, instead of warmup_ratio.", whenAbsent = "warmup_ratio", atLeast = 0)
        OptionalInt warmupSteps,
    @Key(value = "AdamW's decoupled weight decay.", defaultsTo = "0.0", atLeast = 0, atMost = 1e3) double weightDecay,
    @Key(value = "AdamW's decay of the first moment.", defaultsTo = "0.9", atLeast = 0, below = 1) double adamBeta1,
    @Key(value = "AdamW's decay of the second moment.", defaultsTo = "0.999", atLeast = 0, below = 1) double adamBeta2,
    @Key(value = "Added to the root of AdamW's second moment.", defaultsTo = "1.0e-8", above = 0, atMost = 1)
        double adamEpsilon,
    @Key(
            value = "All gradients together are scaled down to this norm; 0 for no clipping.",
            defaultsTo = "1.0",
            atLeast = 0)
        double maxGradNorm,
    @Key(value = "The seed of everything random.", defaultsTo = "42") long seed,
    @Key(
            value =
                "Element type of activations: bf16 (GPUs only), f32, or auto: bf16 on a GPU and f32 on the CPU."
                    + " Trained weights and sums are f32.",
            defaultsTo = "auto")
        Precision precision,
    @Key(
            value =
                "Recompute decoder layers in the backward pass instead of keeping them: less memory, more time; auto"
                    + " does so on a GPU where the step would not fit otherwise.",
            defaultsTo = "auto")
        Checkpointing checkpointLayers,
    @Key(value = "Print a line every so many steps.", defaultsTo = "1", atLeast = 1) int logEvery)
    implements Checked {
  private static final double DEFAULT_EPOCHS = 3;

  /** Whose passes are counted. */
  public enum EpochsOf {
    ALL,
    LARGEST,
    SMALLEST
  }

  public TrainingSection {
    if (epochs.isEmpty() && maxSteps.isEmpty() && maxExamples.isEmpty() && maxSupervisedTokens.isEmpty()) {
      epochs = OptionalDouble.of(DEFAULT_EPOCHS);
    }
  }

  /** When the run ends. */
  public StopRule stop() {
    if (maxSteps.isPresent()) {
      return StopRule.steps(maxSteps.getAsInt());
    }
    if (maxExamples.isPresent()) {
      return StopRule.examples(maxExamples.getAsLong());
    }
    if (maxSupervisedTokens.isPresent()) {
      return StopRule.supervisedTokens(maxSupervisedTokens.getAsLong());
    }
    return switch (epochsOf) {
      case ALL -> StopRule.epochs(epochs.orElseThrow());
      case LARGEST -> StopRule.epochsOfLargest(epochs.orElseThrow());
      case SMALLEST -> StopRule.epochsOfSmallest(epochs.orElseThrow());
    };
  }

  /** The same with another seed. */
  public TrainingSection withSeed(long value) {
    return Sections.with(this, "seed", value);
  }

  /** The same, leaving out the training examples that a file of a leak audit names. */
  public TrainingSection withLeaveOut(Path file) {
    return Sections.with(this, "leaveOut", Optional.of(file));
  }

  /** The same with another learning rate. */
  public TrainingSection withLearningRate(double value) {
    return Sections.with(this, "learningRate", value);
  }

  /** The same, ending after so many passes over the data. */
  public TrainingSection withEpochs(double value) {
    return endingWith("epochs", OptionalDouble.of(value));
  }

  /** The same, ending after so many optimiser steps. */
  public TrainingSection withMaxSteps(int value) {
    return endingWith("maxSteps", OptionalInt.of(value));
  }

  /** The same, ending after so many examples. */
  public TrainingSection withMaxExamples(long value) {
    return endingWith("maxExamples", OptionalLong.of(value));
  }

  /** The same, ending with the example by which so many supervised tokens were learnt. */
  public TrainingSection withMaxSupervisedTokens(long value) {
    return endingWith("maxSupervisedTokens", OptionalLong.of(value));
  }

  /** The same with so many steps of warm-up. */
  public TrainingSection withWarmupSteps(int value) {
    return Sections.with(Sections.with(this, "warmupSteps", OptionalInt.of(value)), "warmupRatio", 0.0);
  }

  private TrainingSection endingWith(String key, Object value) {
    Map<String, Object> none =
        Map.of(
            "epochs",
            OptionalDouble.empty(),
            "maxSteps",
            OptionalInt.empty(),
            "maxExamples",
            OptionalLong.empty(),
            "maxSupervisedTokens",
            OptionalLong.empty(),
            "epochsOf",
            EpochsOf.ALL);
    TrainingSection changed = Sections.with(this, key, value); // First: without any end there would be a default.
    for (var other : none.entrySet()) {
      changed = other.getKey().equals(key) ? changed : Sections.with(changed, other.getKey(), other.getValue());
    }
    return changed;
  }

  /** What a step's loss is, for tasks of these names, in their order. */
  public LossRule lossRule(List<String> taskNames) {
    return new LossRule(loss, lossWeights.isEmpty() ? List.of() : lossWeights.of(taskNames, 1));
  }

  /** The learning rate of each of the run's steps. */
  public LearningRateSchedule learningRates(int totalSteps) {
    int warmup =
        warmupSteps.isPresent() ? warmupSteps.getAsInt() : LearningRateSchedule.warmupSteps(warmupRatio, totalSteps);
    return new LearningRateSchedule(schedule, learningRate, warmup, totalSteps);
  }

  /** The constants of the optimiser. */
  public AdamWOptimizer.Settings optimiser() {
    double clip = maxGradNorm == 0 ? Double.POSITIVE_INFINITY : maxGradNorm;
    return new AdamWOptimizer.Settings(adamBeta1, adamBeta2, adamEpsilon, weightDecay, clip);
  }

  private void checkEnd(Place place) {
    List<String> ends = new ArrayList<>();
    epochs.ifPresent(_ -> ends.add("epochs"));
    maxSteps.ifPresent(_ -> ends.add("max_steps"));
    maxExamples.ifPresent(_ -> ends.add("max_examples"));
    maxSupervisedTokens.ifPresent(_ -> ends.add("max_supervised_tokens"));
    if (ends.size() > 1) {
      throw place.wrong(ends.get(1), ends.get(0) + " is given too, and only one of them can end the run; remove one");
    }
    if (epochsOf != EpochsOf.ALL && epochs.isEmpty()) {
      throw place.wrong("epochs_of", "says what epochs counts, but " + ends.get(0) + " ends the run; remove one");
    }
  }

  @Override
  public void check(Place place) {
    checkEnd(place);
    if (!lossWeights.isEmpty() && loss == LossRule.Reduction.TOKENS) {
      throw place.wrong("loss_weights", "is for 'loss: tasks', but loss is tokens; change one of the two");
    }
    if (warmupSteps.isPresent() && warmupRatio > 0) {
      throw place.wrong("warmup_steps", "warmup_ratio is given too; remove one");
    }
    if (maxSteps.isPresent() && warmupSteps.isPresent() && warmupSteps.getAsInt() > maxSteps.getAsInt()) {
      throw place.wrong(
          "warmup_steps",
          warmupSteps.getAsInt() + " steps of warm-up do not fit into max_steps, which is " + maxSteps.getAsInt());
    }
    if (microBatchTokens < maxLength) {
      throw place.wrong(
          "micro_batch_tokens",
          microBatchTokens
              + " tokens do not hold one example of max_length, which is "
              + maxLength
              + "; raise it, or lower max_length");
    }
  }
}
