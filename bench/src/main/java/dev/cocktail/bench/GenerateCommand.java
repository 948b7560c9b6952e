package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail bench generate}: how fast tokens are written. */
@Command(
    name = "generate",
    description = "Times generation on random weights: the same work as bench/peers/generate.py.",
    mixinStandardHelpOptions = true)
final class GenerateCommand extends CocktailCommand {
  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description = "300m (322 M parameters, default), small or phi3-mini.")
  private String preset = "300m";

  @Option(names = "--batch", paramLabel = "N", description = "Prompts that are continued together (default: 1).")
  private int batch = 1;

  @Option(names = "--prompt", paramLabel = "N", description = "Tokens of a prompt (default: 16).")
  private int prompt = 16;

  @Option(names = "--tokens", paramLabel = "N", description = "Tokens to write for each prompt (default: 64).")
  private int tokens = 64;

  @Option(names = "--dtype", paramLabel = "TYPE", description = "The weights' type: bf16 (default), f32 or f16.")
  private String dtype = "bf16";

  @Option(names = "--reps", paramLabel = "N", description = "Repetitions, of which the median counts (default: 3).")
  private int repetitions = 3;

  @Override
  public Integer call() {
    BenchOptions.requireAtLeast(1, "--batch", batch);
    BenchOptions.requireAtLeast(1, "--prompt", prompt);
    BenchOptions.requireAtLeast(2, "--tokens", tokens); // The first comes of the prompt's own pass.
    BenchOptions.requireAtLeast(1, "--reps", repetitions);
    ModelPreset model = ModelPreset.of(preset);
    int positions = model.config().maxPositions();
    if ((long) prompt + tokens > positions) {
      throw new InvalidInputException(
          "--prompt %d and --tokens %d are more than the %d positions of the model"
              .formatted(prompt, tokens, positions));
    }
    BenchOptions.requireTokens("--batch times (--prompt + --tokens)", (long) batch * (prompt + tokens));
    var options =
        new GenerationBenchmark.Options(
            model, BenchOptions.weights(dtype), batch, prompt, tokens, repetitions, shared().seed().orElse(0));
    try (Device device = shared().openDevice(this::note)) {
      Map<String, Object> figures = GenerationBenchmark.run(device, options);
      if (shared().json()) {
        printJson(figures);
      } else {
        figures.forEach((key, value) -> out().printf(Locale.ROOT, "%-24s %s%n", key, value));
      }
    }
    return DONE;
  }
}
