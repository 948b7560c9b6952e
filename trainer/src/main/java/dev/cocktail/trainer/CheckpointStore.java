package dev.cocktail.trainer;

import dev.cocktail.tensor.safetensors.AtomicFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Folders {@code step-N} in a folder, each whole or absent, of which some are kept. */
final class CheckpointStore {
  private static final String PREFIX = "step-";

  private final Path folder;

  CheckpointStore(Path folder) {
    this.folder = folder;
  }

  /** Where a step's folder is or would be. */
  Path folder(int step) {
    return folder.resolve(PREFIX + step);
  }

  /** All that are whole, by step, from the first to the last. */
  NavigableMap<Integer, Path> whole() {
    NavigableMap<Integer, Path> whole = new TreeMap<>();
    if (!Files.isDirectory(folder)) {
      return whole;
    }
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.toList()) {
        String name = entry.getFileName().toString();
        if (Files.isDirectory(entry) && name.matches(PREFIX + "\\d{1,9}")) {
          whole.put(Integer.valueOf(name.substring(PREFIX.length())), entry);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException(folder + " cannot be read: " + e.getMessage(), e));
    }
    return whole;
  }

  /**
   * Writes a step's folder, in the place of one that is there already.
   *
   * @throws UncheckedIOException when the disk fails or is full; the others are unharmed
   */
  Path write(int step, Consumer<Path> body) {
    Path target = folder(step);
    AtomicFolder.replace(target, body);
    return target;
  }

  /** Deletes all but the newest. */
  void keepNewest(int count) {
    whole().descendingMap().values().stream().skip(count).forEach(AtomicFolder::delete);
  }

  /** Deletes all but those of some steps. */
  void keepOnly(Collection<Integer> steps) {
    whole()
        .forEach((step, path) -> {
          if (!steps.contains(step)) {
            AtomicFolder.delete(path);
          }
        });
  }

  /** Deletes all of them, and the folder. */
  void deleteAll() {
    if (Files.isDirectory(folder)) {
      AtomicFolder.delete(folder);
    }
  }

  /** Deletes what was never finished; for the one process that may write here. */
  void deleteUnfinished() {
    if (Files.isDirectory(folder)) {
      AtomicFolder.deleteUnfinished(folder);
    }
  }
}
