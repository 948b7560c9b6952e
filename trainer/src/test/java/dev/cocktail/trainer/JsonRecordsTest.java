package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonRecordsTest {
  @TempDir private Path folder;

  @Test
  void aFileThatWasCutIsNamedWithoutWordsOnTheParser() throws IOException {
    Path file = Files.writeString(folder.resolve("inputs.json"), "{\"engine\": \"1\", \"data\": {");
    assertThatThrownBy(() -> JsonRecords.read(file, RunInputs.class))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + " is broken: Unexpected end-of-input")
        .message()
        .doesNotContain("Source");
    Files.writeString(folder.resolve("metrics.jsonl"), "{\"event\": \"step\"}\n{\"event\": \"st\n");
    assertThatThrownBy(() -> RunMetrics.read(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(folder.resolve("metrics.jsonl") + ":2: not valid JSON: Unexpected end-of-input")
        .message()
        .doesNotContain("Source");
  }
}
