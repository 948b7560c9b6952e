package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  private static final RunInputs INPUTS = new RunInputs("1", "cpu F32", Map.of(), Map.of(), Map.of());

  @TempDir private Path folder;

  @Test
  void ofTwoRunsThatFoundTheFolderFreeOneGetsIt() throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "model: m\ntasks: [{name: t, train: t.jsonl}]\n");
    RunFile run = RunFile.read(file);
    Path output = folder.resolve("out");
    RunFolder first = RunFolder.requireFree(output);
    RunFolder second = RunFolder.requireFree(output);

    assertThatCode(() -> first.create(run, INPUTS)).doesNotThrowAnyException();
    assertThatThrownBy(() -> second.create(run, INPUTS))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("another run");
  }
}
