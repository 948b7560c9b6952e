package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** The options that all commands share. */
public final class SharedOptions {
  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description = "Where to compute: auto, cpu, cuda or cuda:N (default: ${DEFAULT-VALUE}).")
  private String device = "auto";

  @Option(
      names = "--precision",
      paramLabel = "TYPE",
      description = "Element type of activations: bf16, f32, or auto, the device's own choice (the default).")
  private String precision;

  @Option(names = "--seed", paramLabel = "N", description = "The seed of all random numbers.")
  private Long seed;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print results only: no progress, no notes.")
  private boolean quiet;

  @Option(names = "--json", description = "Print results as JSON for other programs.")
  private boolean json;

  @Option(names = "--debug", description = "Print the stack trace of a failure, and what libraries log.")
  private boolean debug;

  SharedOptions() {}

  /** The device's name as given: {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}. */
  public String device() {
    return device;
  }

  /**
   * The precision, where one was given; it wins over a run file's.
   *
   * @throws InvalidInputException when there is no such precision
   */
  public Optional<Precision> precision() {
    if (precision == null) {
      return Optional.empty();
    }
    return Optional.of(
        switch (precision) {
          case "auto" -> Precision.AUTO;
          case "bf16" -> Precision.BF16;
          case "f32" -> Precision.F32;
          default -> throw new InvalidInputException("--precision is '" + precision + "'; expected auto, bf16 or f32");
        });
  }

  /**
   * Opens the chosen device with the chosen precision; the caller closes it.
   *
   * @param explain told what {@code auto} chose and why it refused the rest
   * @throws InvalidInputException when the device is unknown or cannot be used
   */
  public Device openDevice(Consumer<String> explain) {
    return Devices.open(device, precision().orElse(Precision.AUTO), explain);
  }

  /**
   * Opens the chosen device for a run, which says the precision.
   *
   * @param explain told what {@code auto} chose and why it refused the rest
   * @throws InvalidInputException when the device is unknown or cannot be used
   */
  public Device openDevice(RunFile run, Consumer<String> explain) {
    return Devices.open(device, run.training().precision(), explain);
  }

  /** The run with those of its settings changed that were given as options: seed and precision. */
  public RunFile apply(RunFile run) {
    RunFile changed = seed == null ? run : run.withSeed(seed);
    return precision().map(changed::withPrecision).orElse(changed);
  }

  /** The study with those of its settings changed that were given as options: seed and precision. */
  public StudyFile apply(StudyFile study) {
    StudyFile changed = seed == null ? study : study.withSeed(seed);
    return precision().map(changed::withPrecision).orElse(changed);
  }

  /** The seed, where one was given; it wins over a run file's. */
  public OptionalLong seed() {
    return seed == null ? OptionalLong.empty() : OptionalLong.of(seed);
  }

  /** Whether only results are wanted. */
  public boolean quiet() {
    return quiet;
  }

  /** Whether results are wanted as JSON. */
  public boolean json() {
    return json;
  }

  /** Whether stack traces and the libraries' logs are wanted. */
  public boolean debug() {
    return debug;
  }
}
