package dev.cocktail.trainer.demo;

import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.Interruption;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine;

/** The demo with less of everything, also as a process of its own. */
final class SmallDemo {
  static final DemoSize SIZE = new DemoSize(60, 4, 6, 3);

  private SmallDemo() {}

  /** Runs it as {@link DemoCommand} does; its argument is the folder. */
  public static void main(String[] arguments) {
    try {
      run(Path.of(arguments[0]));
    } catch (InterruptedRunException _) {
      Interruption.exit(CocktailCommand.INTERRUPTED);
    }
    Interruption.exit(CocktailCommand.DONE);
  }

  /** Runs it here and returns what it printed, which is JSON. */
  static String run(Path folder) {
    var out = new StringWriter();
    var command = new DemoCommand();
    new CommandLine(command)
        .setOut(new PrintWriter(out))
        .parseArgs("--output", folder.toString(), "--device", "cpu", "--quiet", "--json");
    if (command.demo(SIZE) != CocktailCommand.DONE) {
      throw new AssertionError("the demo fails");
    }
    return out.toString();
  }

  static Process start(Path folder) throws IOException {
    return new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                SmallDemo.class.getName(),
                folder.toString()))
        .redirectErrorStream(true)
        .start();
  }
}
