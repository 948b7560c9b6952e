package dev.cocktail.tensor.safetensors;

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

/** Writes a folder beside its place and moves it there when it is complete and on the disk. */
public final class AtomicFolder {
  private AtomicFolder() {}

  /** Refuses a place where something is already, except an empty folder. */
  public static void requireFree(Path target) {
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
   * @param body writes into the folder it is given, each file as {@link AtomicFile} does
   * @throws UncheckedIOException when writing fails; nothing is left behind
   */
  public static void write(Path target, Consumer<Path> body) {
    requireFree(target);
    replace(target, body);
  }

  /**
   * Fills a folder that takes the place of another, where there is one. Only between two renames there is neither, and
   * then the old one still lies beside its place under a name that ends with {@code .tmp}.
   *
   * @param body writes into the folder it is given, each file as {@link AtomicFile} does
   * @throws UncheckedIOException when writing fails; what was there before is unharmed
   */
  public static void replace(Path target, Consumer<Path> body) {
    Path parent = target.toAbsolutePath().getParent();
    Path unfinished = beside(target);
    Path old = beside(target);
    try {
      Files.createDirectories(unfinished);
      body.accept(unfinished);
      AtomicFile.forceFolder(unfinished);
      if (isOccupied(target)) {
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      try {
        Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        if (Files.exists(old)) {
          Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
        }
        throw e;
      }
      AtomicFile.forceFolder(parent);
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException("could not write " + target + ": " + e.getMessage(), e));
    } finally {
      deleteQuietly(unfinished);
      if (Files.exists(target)) {
        deleteQuietly(old);
      }
    }
  }

  private static Path beside(Path target) {
    return target
        .toAbsolutePath()
        .getParent()
        .resolve("." + target.getFileName() + "." + UUID.randomUUID() + AtomicFile.UNFINISHED);
  }

  /** An empty folder may be moved over. */
  private static boolean isOccupied(Path target) throws IOException {
    if (!Files.isDirectory(target)) {
      return Files.exists(target);
    }
    try (Stream<Path> entries = Files.list(target)) {
      return entries.findAny().isPresent();
    }
  }

  /**
   * Deletes a folder with all it holds. It is renamed first, so that no part of it is taken for the whole.
   *
   * @throws UncheckedIOException when that cannot be
   */
  public static void delete(Path folder) {
    Path going = beside(folder);
    try {
      Files.move(folder, going, StandardCopyOption.ATOMIC_MOVE);
      deleteAll(going);
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException("could not delete " + folder + ": " + e.getMessage(), e));
    }
  }

  /**
   * Deletes what {@link AtomicFile} or this class left unfinished in a folder when the program was killed. Nobody else
   * may be writing there.
   *
   * @throws UncheckedIOException when that cannot be
   */
  public static void deleteUnfinished(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : entries.filter(AtomicFolder::isUnfinished).toList()) {
        deleteAll(entry);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException("could not tidy " + folder + ": " + e.getMessage(), e));
    }
  }

  /** Whether a name is that of something that was not finished. */
  public static boolean isUnfinished(Path path) {
    String name = path.getFileName().toString();
    return name.startsWith(".") && name.endsWith(AtomicFile.UNFINISHED);
  }

  private static void deleteAll(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    }
  }

  private static void deleteQuietly(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try {
      deleteAll(folder);
    } catch (IOException _) {
      // The error that brought us here matters more.
    }
  }
}
