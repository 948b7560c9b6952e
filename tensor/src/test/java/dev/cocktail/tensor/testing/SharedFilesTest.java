package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

class SharedFilesTest {
  @Test
  void anAbsentFileSkipsTheTestAndIsNamed() {
    assertThat(SharedFiles.find("reference/no such file")).isEmpty();
    assertThatThrownBy(() -> SharedFiles.require("reference/no such file"))
        .isInstanceOf(TestAbortedException.class)
        .hasMessageContaining("shared/reference/no such file");
  }

  @Test
  void aPresentFileIsFound() {
    Path readme = SharedFiles.require("reference/README.md");
    assertThat(readme).isRegularFile().isAbsolute();
  }
}
