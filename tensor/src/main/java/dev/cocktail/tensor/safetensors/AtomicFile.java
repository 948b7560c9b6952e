package dev.cocktail.tensor.safetensors;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Writes a file beside its place and moves it over when it is complete and on the disk, so that a crash, a full disk or
 * an error leaves either the old file or the new one, and nothing else.
 */
public final class AtomicFile {
  /** Writes the contents of a new, empty file. */
  @FunctionalInterface
  public interface Body {
    void writeTo(FileChannel channel) throws IOException;
  }

  /** How names of what is not finished end; they begin with a dot. */
  static final String UNFINISHED = ".tmp";

  private AtomicFile() {}

  /**
   * Writes {@code target}, making its folder when it is absent.
   *
   * @throws UncheckedIOException when writing fails; what was there before is unharmed and no part of the new file is
   *     left
   */
  public static void write(Path target, Body body) {
    Path folder = target.toAbsolutePath().getParent();
    Path unfinished = folder.resolve("." + target.getFileName() + "." + UUID.randomUUID() + UNFINISHED);
    try {
      Files.createDirectories(folder);
      try (FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        body.writeTo(channel);
        channel.force(true);
      }
      moveOver(unfinished, target);
      forceFolder(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(
          new IOException(
              "could not write " + target + ": " + e.getMessage() + "; what was there before is unchanged", e));
    } finally {
      deleteQuietly(unfinished);
    }
  }

  /** Writes a text as UTF-8, as {@link #write} does. */
  public static void writeText(Path target, String text) {
    write(target, channel -> writeAll(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8))));
  }

  /** Writes all remaining bytes; a channel may take fewer at once. */
  static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static void moveOver(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** The new name itself must reach the disk; some systems cannot open a folder, and then cannot lose it this way. */
  static void forceFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException _) {
      // Nothing to be done, and the file is in place.
    }
  }

  private static void deleteQuietly(Path unfinished) {
    try {
      Files.deleteIfExists(unfinished);
    } catch (IOException _) {
      // The error that brought us here matters more.
    }
  }
}
