package dev.cocktail.bench;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cocktail bench}: how fast this machine is with this engine. */
@Command(
    name = "bench",
    description = "Measures whole training steps, generation, the opening of a model, or single operations.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      StepCommand.class,
      GenerateCommand.class,
      OpenCommand.class,
      KernelsCommand.class,
      OperationsCommand.class
    })
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "what to measure is missing: step, generate, open, kernels or operations");
  }
}
