package dev.cocktail.lora;

import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Writes a folder beside its place and moves it there when it is complete. */
final class AtomicFolder {
  private AtomicFolder() {}

  /** Refuses a place where something is already, except an empty folder. */
  static void requireFree(Path target) {
    if (!Files.exists(target)) {
      return;
    }
    if (!Files.isDirectory(target)) {
      throw new InvalidInputException(target + " is a file; name a new folder");
    }
    try (Stream<Path> entries = Files.list(target)) {
      if (entries.findAny().isPresent()) {
        throw new InvalidInputException(
            target + " exists and is not empty; nothing is overwritten: name a new folder, or remove it first");
      }
    } catch (IOException e) {
      throw new InvalidInputException(target + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Fills a new folder.
   *
   * @param target absent or empty
   * @param body writes into the folder it is given
   * @throws UncheckedIOException when writing fails; nothing is left behind
   */
  static void write(Path target, Consumer<Path> body) {
    requireFree(target);
    Path parent = target.toAbsolutePath().getParent();
    Path unfinished = parent.resolve("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    try {
      Files.createDirectories(unfinished);
      body.accept(unfinished);
      Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException("could not write " + target + ": " + e.getMessage(), e));
    } finally {
      deleteQuietly(unfinished);
    }
  }

  private static void deleteQuietly(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException _) {
      // The error that brought us here matters more.
    }
  }
}
