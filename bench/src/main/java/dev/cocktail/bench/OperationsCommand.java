package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.cli.CocktailCommand;
import dev.cocktail.transformer.Phi3Config;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code cocktail bench operations}: every operation of a training step against its floor. */
@Command(
    name = "operations",
    description =
        "Times the operations of a training step against what the device can do: bytes moved over its copy bandwidth,"
            + " arithmetic over its rate in a large matrix product.",
    mixinStandardHelpOptions = true)
final class OperationsCommand extends CocktailCommand {
  @Option(names = "--preset", paramLabel = "NAME", description = "Shapes: small (default), 300m or phi3-mini.")
  private String preset = "small";

  @Option(names = "--tokens", paramLabel = "N", description = "Tokens at once (default: 512).")
  private int tokens = 512;

  @Option(names = "--seq", paramLabel = "N", description = "Tokens of a sequence, for attention (default: all).")
  private int sequenceLength;

  @Option(names = "--reps", paramLabel = "N", description = "Timed calls, of which the median counts (default: 7).")
  private int repetitions = 7;

  @Option(names = "--only", paramLabel = "TEXT", description = "Only operations whose name holds this text.")
  private String only = "";

  @Override
  public Integer call() {
    int length = sequenceLength == 0 ? tokens : sequenceLength;
    BenchOptions.requireAtLeast(1, "--tokens", tokens);
    BenchOptions.requireAtLeast(1, "--reps", repetitions);
    BenchOptions.requireAtLeast(1, "--seq", length);
    BenchOptions.requireTokens("--tokens", tokens);
    if (tokens % length != 0) {
      throw new InvalidInputException("--seq %d does not divide --tokens %d".formatted(length, tokens));
    }
    Phi3Config model = ModelPreset.of(preset).config();
    try (Device device = shared().openDevice(this::note)) {
      var report = new OperationsReport(device, model, tokens, length, repetitions, only);
      report.run(this::print);
      if (report.operations() == 0) {
        throw new InvalidInputException("--only '%s': no operation's name holds that".formatted(only));
      }
    }
    return DONE;
  }

  private void print(OperationTime time) {
    if (shared().json()) {
      printJson(time.toMap());
    } else {
      out().println(time);
      out().flush();
    }
  }
}
