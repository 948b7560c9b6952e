package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class RunFileReferenceTest {
  @Test
  void everyKeyIsListed() {
    for (KeyInfo key : RunFile.keys()) {
      assertThat(RunFileReference.text()).contains(key.path(), key.meaning());
      assertThat(RunFileReference.markdown()).contains("| `" + key.path() + "` |");
    }
  }

  /** Where the README lists the keys, it lists them as they are. */
  @Test
  void theReadmeTellsTheSame() throws IOException {
    Path readme = Path.of("..", "README.md");
    assumeThat(readme).as("the README of the project").exists();
    String text = Files.readString(readme);
    assumeThat(text).as("a table of keys in the README").contains("| key | value | default | meaning |");
    assertThat(text).contains(RunFileReference.markdown());
  }
}
