package dev.cocktail.bench;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code cocktail bench kernels}: the JMH microbenchmarks. */
@Command(
    name = "kernels",
    description = "Runs the JMH microbenchmarks of single operations; takes JMH's own arguments.",
    mixinStandardHelpOptions = true)
final class KernelsCommand extends CocktailCommand {
  @Parameters(paramLabel = "ARGUMENT", description = "A benchmark's name or pattern; after --, any argument of JMH.")
  private List<String> arguments = new ArrayList<>();

  @Override
  public Integer call() throws Exception {
    if (!shared().device().equals("auto") && !shared().device().equals("cpu")) {
      throw new InvalidInputException(
          "--device %s: these benchmarks run on the CPU; 'bench operations' measures the operations of a GPU"
              .formatted(shared().device()));
    }
    List<String> forJmh = new ArrayList<>(arguments);
    if (!forJmh.contains("-foe")) {
      forJmh.addAll(List.of("-foe", "true")); // A benchmark that failed is no success.
    }
    org.openjdk.jmh.Main.main(forJmh.toArray(String[]::new));
    return DONE;
  }
}
