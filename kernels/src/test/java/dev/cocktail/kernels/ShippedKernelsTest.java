package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.cocktail.kernels.emulator.EmulatedDriver;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The emulator knows every instruction of every kernel that ships, also of those that no test happens to launch. */
class ShippedKernelsTest {
  private static final Pattern ENTRY = Pattern.compile("\\.entry (\\w+)");

  @Test
  void everyInstructionIsKnown() {
    List<Path> files = PtxFiles.files(PtxFiles.COMPILED, ".ptx");
    assertThat(files).isNotEmpty();
    try (EmulatedDriver driver = new EmulatedDriver(64L << 20)) {
      for (Path file : files) {
        String ptx = PtxFiles.text(file);
        var module = driver.load(PtxFiles.stem(file), ptx);
        Matcher kernels = ENTRY.matcher(ptx);
        while (kernels.find()) {
          String kernel = kernels.group(1);
          assertThatCode(() -> module.function(kernel)).as(kernel).doesNotThrowAnyException();
        }
      }
    }
  }
}
