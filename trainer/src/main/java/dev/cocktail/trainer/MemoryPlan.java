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
import dev.cocktail.transformer.GenerationListener;
import dev.cocktail.transformer.GenerationSettings;
import dev.cocktail.transformer.Generator;
import dev.cocktail.transformer.Phi3Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Predicts the memory of a run before its model is loaded: the largest micro-batch that the run file allows and the
 * largest batch of its validation sets are taken through the very same code on the device's planner, which computes
 * nothing. So the prediction is what the run will take, not an estimate of it.
 */
final class MemoryPlan {
  private final RunFile run;
  private final Device device;
  private final int validationTokens;

  /** Bytes of what is planned that are taken already, so that they are no longer among the available ones. */
  private final long taken;

  private MemoryPlan(RunFile run, int validationTokens, Device device, long taken) {
    this.run = run;
    this.validationTokens = validationTokens;
    this.device = device;
    this.taken = taken;
  }

  /**
   * A plan of a run.
   *
   * @param validationTokens no batch of validation or test examples has more tokens; 0 where there are none
   */
  static MemoryPlan of(RunFile run, int validationTokens, Device device) {
    return new MemoryPlan(run, validationTokens, device, 0);
  }

  /** The same for a run whose model is open on the device already. */
  MemoryPlan on(Phi3Model model) {
    long weights = model.weights().values().stream().mapToLong(weight -> weight.value().byteSize()).sum();
    return new MemoryPlan(run, validationTokens, device, weights);
  }

  /** A choice of what decides about memory. */
  private record Choice(boolean checkpointLayers, int microBatchTokens, int maxLength, int evaluationTokens) {
    Choice evaluating(int tokens) {
      return new Choice(checkpointLayers, microBatchTokens, maxLength, tokens);
    }
  }

  /**
   * Whether layers are to be recomputed: as the run file says, or, where it leaves that open, when nothing else fits.
   *
   * @param notes told the prediction
   * @throws InvalidInputException when the run does not fit; the message says what would
   */
  boolean chooseCheckpointing(Consumer<String> notes) {
    TrainingSection training = run.training();
    boolean asked = training.checkpointLayers() == Checkpointing.TRUE;
    long free = device.availableBytes();
    long available = free > Long.MAX_VALUE - taken ? free : free + taken;
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
    return new Choice(
        checkpointLayers,
        training.microBatchTokens(),
        training.maxLength(),
        run.evaluation().tokensAtOnce(run.training()));
  }

  /** Settings that were tried on the planner and fit: those of the validation sets are lowered first. */
  private String advice(long available) {
    TrainingSection training = run.training();
    for (int tokens = training.microBatchTokens(); tokens > 1; tokens /= 2) {
      int longest = Math.min(training.maxLength(), tokens);
      Choice choice = new Choice(true, tokens, longest, run.evaluation().tokensAtOnce(run.training()));
      if (!fits(choice.evaluating(longest), available)) {
        continue;
      }
      while (!fits(choice, available)) {
        choice = choice.evaluating(Math.max(longest, choice.evaluationTokens() / 2));
      }
      return "with '%s' it takes %s".formatted(settings(choice), readable(predict(choice).orElseThrow()));
    }
    return "the model itself, with what is trained, is too large for it";
  }

  /** What differs from the run file, as it is written there. */
  private String settings(Choice choice) {
    TrainingSection training = run.training();
    List<String> settings = new ArrayList<>(List.of("checkpoint_layers: true"));
    if (choice.microBatchTokens() != training.microBatchTokens()) {
      settings.add("micro_batch_tokens: " + choice.microBatchTokens());
    }
    if (choice.maxLength() != training.maxLength()) {
      settings.add("max_length: " + choice.maxLength());
    }
    String all = String.join(", ", settings);
    return choice.evaluationTokens() == run.evaluation().tokensAtOnce(run.training())
        ? all
        : "training: {%s}, evaluation: {batch_tokens: %d}".formatted(all, choice.evaluationTokens());
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
        if (validationTokens > 0) {
          int validation = Math.min(validationTokens, Math.max(choice.evaluationTokens(), longest));
          step.evaluate(List.of(new MicroBatch(sequences(longest, validation))), trainable.inference(), () -> {});
        }
        if (run.tasks().stream().anyMatch(task -> task.metric().isPresent())) {
          answer(model, trainable, longest, Math.max(choice.evaluationTokens(), longest));
        }
        var micro = new MicroBatch(sequences(longest, tokens));
        int count = Math.max(1, Math.ceilDiv(run.training().tokensPerStep(), tokens));
        var batch = new StepBatch(Collections.nCopies(Math.min(count, 2), micro));
        step.run(batch, _ -> trainable.training(new RandomKey(0, 0)), optimiser, 0);
      }
      return Optional.of(planning.peakReservedBytes());
    }
  }

  /** Fills the key/value cache with as many tokens as the tasks' answers may take at once. */
  private void answer(Phi3Model model, Trainable trainable, int longest, int tokens) {
    int answer = Math.min(run.evaluation().maxNewTokens(), longest - 1);
    int sequences = Math.max(1, tokens / longest);
    List<int[]> prompts = Collections.nCopies(sequences, new int[longest - answer]);
    var settings = GenerationSettings.greedy(answer, Set.of()).withMaxBatch(sequences);
    new Generator(model, trainable.inference()).generate(prompts, settings, GenerationListener.NONE);
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
