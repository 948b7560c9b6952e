package dev.cocktail.trainer;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
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

  /**
   * Makes the folder and writes the configuration.
   *
   * @throws InvalidInputException when that cannot be, or when another run took the folder since it was found free
   */
  void create(RunFile run) {
    try {
      Files.createDirectories(path);
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be made: " + e, e);
    }
    try {
      Files.createFile(metrics()); // Of runs that start together, one succeeds here.
    } catch (FileAlreadyExistsException e) {
      throw new InvalidInputException(
          "output: " + path + " was taken by another run that started meanwhile; name another folder", e);
    } catch (IOException e) {
      throw new InvalidInputException("output: " + path + " cannot be written: " + e, e);
    }
    try {
      AtomicFile.writeText(path.resolve("run.yaml"), run.toYaml());
    } catch (UncheckedIOException e) {
      release();
      throw new InvalidInputException("output: " + path + " cannot be written: " + e.getCause().getMessage(), e);
    }
  }

  /** Gives up a folder in which nothing was written yet. */
  private void release() {
    try {
      Files.deleteIfExists(metrics());
    } catch (IOException e) {
      // The failure that led here says more.
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
