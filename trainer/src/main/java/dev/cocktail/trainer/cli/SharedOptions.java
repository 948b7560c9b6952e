package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
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
   * Opens the chosen device; the caller closes it.
   *
   * @param explain told what {@code auto} chose and why it refused the rest
   * @throws dev.cocktail.tensor.InvalidInputException when the device is unknown or cannot be used
   */
  public Device openDevice(Consumer<String> explain) {
    return Devices.open(device, explain);
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
