package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail bench step}: one LoRA training step. */
@Command(
    name = "step",
    description = "Times a LoRA training step on random weights: the same work as bench/peers/lora_step.py.",
    mixinStandardHelpOptions = true)
final class StepCommand extends CocktailCommand {
  @Option(names = "--preset", paramLabel = "NAME", description = "small (42 M parameters, default), 300m or phi3-mini.")
  private String preset = "small";

  @Option(names = "--seq", paramLabel = "N", description = "Tokens of a sequence (default: 512).")
  private int sequenceLength = 512;

  @Option(names = "--batch", paramLabel = "N", description = "Sequences, packed (default: 1).")
  private int batch = 1;

  @Option(
      names = "--ragged",
      description = "Sequences from an eighth of --seq up to it, packed; a peer pads them all to the longest.")
  private boolean ragged;

  @Option(names = "--rank", paramLabel = "N", description = "Rank of the adapters on all four linears (default: 16).")
  private int rank = 16;

  @Option(names = "--dtype", paramLabel = "TYPE", description = "The weights' type: f32 (default), bf16 or f16.")
  private String dtype = "f32";

  @Option(names = "--checkpoint", description = "Recompute decoder layers in the backward pass.")
  private boolean checkpoint;

  @Option(names = "--steps", paramLabel = "N", description = "Steps of a repetition (default: 6).")
  private int steps = 6;

  @Option(names = "--reps", paramLabel = "N", description = "Repetitions, of which the median counts (default: 3).")
  private int repetitions = 3;

  @Option(names = "--warm-up", paramLabel = "N", description = "Steps that do not count (default: 8).")
  private int warmUp = 8;

  @Option(
      names = "--plan",
      description =
          "Only tell the memory that the step takes on a GPU, and its launches; without --device, no GPU is needed.")
  private boolean plan;

  @Override
  public Integer call() {
    // A token learns to predict the next one.
    BenchOptions.requireAtLeast(2, "--seq", sequenceLength);
    BenchOptions.requireAtLeast(1, "--batch", batch);
    BenchOptions.requireTokens(
        "--batch %d times --seq %d".formatted(batch, sequenceLength), (long) batch * sequenceLength);
    BenchOptions.requireAtLeast(1, "--rank", rank);
    BenchOptions.requireAtLeast(1, "--steps", steps);
    BenchOptions.requireAtLeast(1, "--reps", repetitions);
    BenchOptions.requireAtLeast(0, "--warm-up", warmUp);
    ModelPreset model = ModelPreset.of(preset);
    int width = model.config().hiddenSize();
    if (rank > width) {
      throw new InvalidInputException("--rank is %d; expected at most the model's width, %d".formatted(rank, width));
    }
    var options =
        new StepBenchmark.Options(
            model,
            BenchOptions.weights(dtype),
            batch,
            sequenceLength,
            ragged,
            rank,
            checkpoint,
            warmUp,
            steps,
            repetitions,
            shared().seed().orElse(0));
    Map<String, Object> figures;
    if (plan) {
      figures = plan(options);
    } else {
      try (Device device = shared().openDevice(this::note)) {
        figures = StepBenchmark.run(device, options);
      }
    }
    if (shared().json()) {
      printJson(figures);
    } else {
      figures.forEach((key, value) -> out().printf(Locale.ROOT, "%-18s %s%n", key, value));
    }
    return DONE;
  }

  /** Plans for the GPU that was named, or for none in particular. */
  private Map<String, Object> plan(StepBenchmark.Options options) {
    if (shared().device().equals("auto")) {
      return PlannedGpu.plan(options, shared().precision().orElse(Precision.AUTO));
    }
    try (Device device = shared().openDevice(this::note);
        Device planned =
            device
                .openPlanner()
                .orElseThrow(() ->
                    new InvalidInputException(
                        "--plan: %s has no memory of its own to plan; name a GPU, or leave --device out"
                            .formatted(device.name())))) {
      return StepBenchmark.plan(planned, options, 1);
    }
  }
}
