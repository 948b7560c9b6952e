package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run in a process of its own that is told to end. */
class InterruptionTest {
  @Test
  @Timeout(120)
  void aTerminatedRunSavesAndSaysWhere(@TempDir Path temporary) throws IOException, InterruptedException {
    assumeTrue(File.separatorChar == '/', "needs signals");
    TinyFolder folder = TinyFolder.write(temporary);
    folder.edit("run.yaml", "max_steps: 4", "max_steps: 1000000");
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--add-modules",
                    "jdk.incubator.vector",
                    "--enable-native-access=ALL-UNNAMED",
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Cocktail.class.getName(),
                    "train",
                    "--device",
                    "cpu",
                    folder.path("run.yaml").toString()))
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output = process.inputReader()) {
      var said = new StringBuilder();
      String line = output.readLine();
      while (line != null && !line.startsWith("step 2/")) {
        said.append(line).append('\n');
        line = output.readLine();
      }
      assertThat(line).as(said.toString()).isNotNull();
      process.toHandle().destroy(); // The process's own would close its output too.
      List<String> rest = output.lines().toList();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(rest.getLast())
          .startsWith("cocktail: stopped after step ")
          .contains(folder.path("out/adapter").toString());
      assertThat(process.exitValue()).isEqualTo(CocktailCommand.INTERRUPTED);
      folder.generate("--prompt", "hello", "--adapter", folder.path("out/adapter").toString()).done();
    } finally {
      process.destroyForcibly();
    }
  }
}
