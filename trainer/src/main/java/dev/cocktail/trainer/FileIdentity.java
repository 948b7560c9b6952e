package dev.cocktail.trainer;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What tells a file's contents from others.
 *
 * @param path where it was
 * @param bytes its size; -1 where it could not be read
 * @param sha256 of its contents, or of samples of them where that is said
 */
public record FileIdentity(String path, long bytes, String sha256) {
  private static final int CHUNK = 1 << 16;

  /** A large file's samples: its beginning, which in safetensors has all names and shapes, and pages of the rest. */
  private static final int BEGINNING = 1 << 20;

  private static final int PAGES = 256;
  private static final int PAGE = 1 << 12;

  /** Of all that a file holds. */
  static FileIdentity whole(Path file) {
    MessageDigest digest = newDigest();
    long bytes = 0;
    try (InputStream in = Files.newInputStream(file)) {
      byte[] chunk = new byte[CHUNK];
      for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
        digest.update(chunk, 0, read);
        bytes += read;
      }
    } catch (IOException _) {
      return unreadable(file);
    }
    return new FileIdentity(file.toString(), bytes, hex(digest));
  }

  /**
   * Of a file of many GiB, in milliseconds: its size, its first MiB, and 256 evenly spaced pages of 4 KiB. Weights that
   * were trained further differ in nearly every page; a change of single bytes elsewhere goes unnoticed.
   */
  static FileIdentity sampled(Path file) {
    MessageDigest digest = newDigest();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      update(digest, channel, 0, BEGINNING);
      for (int page = 1; page <= PAGES; page++) {
        update(digest, channel, Math.max(0, size * page / PAGES - PAGE), PAGE);
      }
      return new FileIdentity(file.toString(), size, hex(digest));
    } catch (IOException _) {
      return unreadable(file);
    }
  }

  private static void update(MessageDigest digest, FileChannel channel, long from, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    while (bytes.hasRemaining() && channel.read(bytes, from + bytes.position()) >= 0) {
      // Reads on until the end of the file.
    }
    digest.update(bytes.flip());
  }

  private static FileIdentity unreadable(Path file) {
    return new FileIdentity(file.toString(), -1, "");
  }

  /** Whether both have the same contents, wherever they lie. */
  boolean sameContents(FileIdentity other) {
    return bytes == other.bytes && sha256.equals(other.sha256);
  }

  /** For messages. */
  String describe() {
    return bytes < 0 ? "unreadable" : "%,d bytes, SHA-256 %s...".formatted(bytes, sha256.substring(0, 12));
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
