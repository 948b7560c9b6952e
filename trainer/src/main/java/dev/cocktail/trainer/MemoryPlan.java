package dev.cocktail.trainer;

import static dev.cocktail.tensor.OutOfDeviceMemoryException.readable;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.trainer.config.Checkpointing;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TrainingSection;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.optimiser.AdamWOptimizer;
import dev.cocktail.transformer.Phi3Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Predicts the memory of a run before it begins: the largest micro-batch and validation batch that the run file allows
 * are taken through the very same code on the device's planner, which computes nothing. So the prediction is what the
 * run will take, not an estimate of it.
 */
final class MemoryPlan {
  private final RunFile run;
  private final Device device;

  private MemoryPlan(RunFile run, Device device) {
    this.run = run;
    this.device = device;
  }

  static MemoryPlan of(RunFile run, Device device) {
    return new MemoryPlan(run, device);
  }

  /** A choice of what decides about memory. */
  private record Choice(boolean checkpointLayers, int microBatchTokens, int maxLength) {}

  /**
   * Whether layers are to be recomputed: as the run file says, or, where it leaves that open, when nothing else fits.
   *
   * @param notes told the prediction
   * @throws InvalidInputException when the run does not fit; the message says what would
   */
  boolean chooseCheckpointing(Consumer<String> notes) {
    TrainingSection training = run.training();
    boolean asked = training.checkpointLayers() == Checkpointing.TRUE;
    long available = device.availableBytes();
    Optional<Long> predicted = predict(choice(asked));
    if (predicted.isEmpty()) {
      return asked;
    }
    long stored = predicted.get();
    if (stored <= available) {
      notes.accept(line(stored, available, asked ? "recomputing layers" : "keeping all layers"));
      return asked;
    }
    if (training.checkpointLayers() == Checkpointing.AUTO) {
      long recomputed = predict(choice(true)).orElseThrow();
      if (recomputed <= available) {
        notes.accept(
            line(recomputed, available, "recomputing layers; keeping them all would take " + readable(stored)));
        return true;
      }
    }
    throw new InvalidInputException(
        "this run needs %s on %s, where %s are available; %s"
            .formatted(readable(stored), device.name(), readable(available), advice(available)));
  }

  private static String line(long predicted, long available, String how) {
    return "memory: %s at most, as predicted, of %s available (%s)"
        .formatted(readable(predicted), readable(available), how);
  }

  private Choice choice(boolean checkpointLayers) {
    TrainingSection training = run.training();
    return new Choice(checkpointLayers, training.microBatchTokens(), training.maxLength());
  }

  /** Settings that were tried on the planner and fit. */
  private String advice(long available) {
    Choice choice = choice(true);
    if (run.training().checkpointLayers() == Checkpointing.FALSE && fits(choice, available)) {
      return "with 'checkpoint_layers: true' it takes " + readable(predict(choice).orElseThrow());
    }
    while (choice.microBatchTokens() > 2) {
      int tokens = choice.microBatchTokens() / 2;
      choice = new Choice(true, tokens, Math.min(choice.maxLength(), tokens));
      if (fits(choice, available)) {
        String length = choice.maxLength() < run.training().maxLength() ? ", max_length: " + choice.maxLength() : "";
        return "with 'checkpoint_layers: true, micro_batch_tokens: %d%s' it takes %s"
            .formatted(choice.microBatchTokens(), length, readable(predict(choice).orElseThrow()));
      }
    }
    return "the model itself, with what is trained, is too large for it";
  }

  private boolean fits(Choice choice, long available) {
    return predict(choice).orElseThrow() <= available;
  }

  /** Bytes at the peak; empty where the device knows no limit. */
  private Optional<Long> predict(Choice choice) {
    Optional<Device> planner = device.openPlanner();
    if (planner.isEmpty()) {
      return Optional.empty();
    }
    try (Device planning = planner.get()) {
      try (Phi3Model model = Phi3Model.load(run.model(), planning);
          Trainable trainable = FineTuning.trainable(run, model);
          var optimiser =
              new AdamWOptimizer(planning, trainable.parameters(), run.training().optimiser(), trainable.isSmall())) {
        var step = new TrainingStep(model, 1, choice.checkpointLayers());
        int longest = Math.min(choice.maxLength(), model.config().maxPositions());
        int tokens = Math.max(longest, Math.min(choice.microBatchTokens(), run.training().tokensPerStep()));
        // In the order of a run, since what is taken first decides where the rest finds its place.
        if (run.tasks().stream().anyMatch(task -> task.validation().isPresent())) {
          int validation = Math.max(run.evaluation().batchTokens(), longest);
          step.evaluate(List.of(new MicroBatch(sequences(longest, validation))), trainable.inference());
        }
        var micro = new MicroBatch(sequences(longest, tokens));
        int count = Math.max(1, Math.ceilDiv(run.training().tokensPerStep(), tokens));
        var batch = new StepBatch(Collections.nCopies(Math.min(count, 2), micro));
        step.run(batch, _ -> trainable.training(new RandomKey(0, 0)), optimiser, 0);
      }
      return Optional.of(planning.peakReservedBytes());
    }
  }

  /** As many tokens in sequences of the longest length, all of them supervised. */
  private static List<MicroBatch.Sequence> sequences(int longest, int tokens) {
    List<MicroBatch.Sequence> sequences = new ArrayList<>();
    for (int left = tokens; left >= 2; left -= longest) {
      int length = Math.min(left, longest);
      boolean[] supervised = new boolean[length];
      Arrays.fill(supervised, true);
      sequences.add(new MicroBatch.Sequence(0, new Example(new int[length], supervised, "plan")));
    }
    return sequences;
  }
}
