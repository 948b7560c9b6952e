package dev.cocktail.trainer.data;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import dev.cocktail.trainer.data.Fingerprint.Print;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Examples that must not be trained on, as fingerprints of their texts and sources. In a file they are a line each, in
 * order, so that the same examples make the same file; nothing can be read from it.
 */
public final class HeldOut {
  private static final Pattern LINE = Pattern.compile("[0-9a-f]{32}");

  private final Set<Print> prints;

  HeldOut(Set<Print> prints) {
    this.prints = Set.copyOf(prints);
  }

  /** Nothing is held out. */
  public static final HeldOut NOTHING = new HeldOut(Set.of());

  /**
   * Reads a file.
   *
   * @throws InvalidInputException naming file and line of what is no such file
   */
  public static HeldOut read(Path file) {
    Set<Print> prints = new HashSet<>();
    try {
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        if (!LINE.matcher(line).matches()) {
          throw new InvalidInputException(
              "%s:%d: no fingerprint, which is 32 digits and letters from a to f; expected a file that a leak audit wrote"
                  .formatted(file, i + 1));
        }
        prints.add(
            new Print(
                Long.parseUnsignedLong(line.substring(0, 16), 16), Long.parseUnsignedLong(line.substring(16), 16)));
      }
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(file + " is no text; expected a file that a leak audit wrote", e);
    } catch (IOException e) {
      throw new InvalidInputException(file + " cannot be read: " + e.getMessage(), e);
    }
    return new HeldOut(prints);
  }

  /**
   * Writes a file; it is there whole or not at all.
   *
   * @throws UncheckedIOException when it cannot be written
   */
  public void write(Path file) {
    StringBuilder text = new StringBuilder();
    prints.stream().map(Print::toString).sorted().forEach(print -> text.append(print).append('\n'));
    AtomicFile.write(
        file,
        channel -> {
          var bytes = java.nio.ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.US_ASCII));
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }

  /** How many texts and sources these are. */
  public int size() {
    return prints.size();
  }

  /** Whether a record's text or source is held out. */
  public boolean contains(Fingerprint fingerprint) {
    return prints.contains(fingerprint.text()) || fingerprint.source().filter(prints::contains).isPresent();
  }
}
