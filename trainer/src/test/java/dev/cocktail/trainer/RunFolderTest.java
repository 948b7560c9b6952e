package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  private static final RunInputs INPUTS = new RunInputs("1", "cpu F32", Map.of(), Map.of(), Map.of());

  @TempDir private Path folder;

  @Test
  void whyAFolderCannotBeMadeIsSaidInWords() throws IOException {
    Path file = Files.writeString(folder.resolve("letter.txt"), "Dear Sir");
    assertThatThrownBy(() -> RunFolder.ofRun(file.resolve("out")).lock())
        .isInstanceOf(InvalidInputException.class)
        .hasMessageMatching(".* cannot be written: .*(Not a directory|is a file, no folder)");
    assertThat(IoProblem.of(new NoSuchFileException("/proc/x")))
        .isEqualTo("/proc/x cannot be made there; name a folder elsewhere");
    assertThat(IoProblem.of(new AccessDeniedException("/etc/x"))).isEqualTo("/etc/x: permission is denied");
    assertThat(IoProblem.of(new IOException("No space left on device"))).isEqualTo("No space left on device");
  }

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
