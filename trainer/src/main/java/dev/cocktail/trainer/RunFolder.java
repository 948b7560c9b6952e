package dev.cocktail.trainer;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The folder of one run: {@code run.yaml} (the configuration with every default filled in), {@code metrics.jsonl}, and
 * {@code adapter} or {@code model}.
 *
 * @param path the folder
 */
record RunFolder(Path path) {
  /**
   * A folder that does not exist yet or is empty.
   *
   * @throws InvalidInputException when it holds anything, another run for instance
   */
  static RunFolder requireFree(Path path) {
    if (Files.exists(path.resolve("run.yaml"))) {
      throw new InvalidInputException(
          "output: " + path + " already holds a run; name another folder, or move that one away");
    }
    if (Files.exists(path) && !Files.isDirectory(path)) {
      throw new InvalidInputException("output: " + path + " is a file; expected the name of a new folder");
    }
    if (Files.isDirectory(path)) {
      try (Stream<Path> content = Files.list(path)) {
        if (content.findAny().isPresent()) {
          throw new InvalidInputException("output: " + path + " is not empty; name a new folder");
        }
      } catch (IOException e) {
        throw new InvalidInputException("output: " + path + " cannot be read: " + e.getMessage(), e);
      }
    }
    return new RunFolder(path);
  }

  /** Makes the folder and writes the configuration. */
  void create(RunFile run) {
    try {
      Files.createDirectories(path);
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be made: " + e.getMessage(), e);
    }
    try {
      AtomicFile.writeText(path.resolve("run.yaml"), run.toYaml());
    } catch (UncheckedIOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + e.getMessage(), e);
    }
  }

  Path metrics() {
    return path.resolve("metrics.jsonl");
  }

  Path adapter() {
    return path.resolve("adapter");
  }

  Path model() {
    return path.resolve("model");
  }
}
