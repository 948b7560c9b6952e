package dev.cocktail.trainer.data;

import dev.cocktail.tensor.InvalidInputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;

/**
 * The text of a file, of which no byte is guessed: bytes that are none of the charset are an error with their line,
 * after all that comes before them was read. A byte-order mark is no part of the text. What is packed by gzip, whatever
 * the file is called, is unpacked.
 */
final class StrictReader extends Reader {
  private static final byte[] GZIP = {0x1F, (byte) 0x8B};

  private final Path file;
  private final Charset charset;
  private final InputStream in;
  private final CharsetDecoder decoder;
  private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16).flip();
  private final CharBuffer characters = CharBuffer.allocate(1 << 16).flip();
  private boolean atEnd;
  private boolean isMalformed;
  private boolean isBegun;
  private boolean isUtf16;
  private boolean isFlushed;
  private long line = 1;

  private StrictReader(Path file, Charset charset, InputStream in) {
    this.file = file;
    this.charset = charset;
    this.in = in;
    this.decoder = charset.newDecoder();
  }

  static StrictReader open(Path file, Charset charset) throws IOException {
    var in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      in.mark(GZIP.length);
      byte[] start = in.readNBytes(GZIP.length);
      in.reset();
      return new StrictReader(file, charset, Arrays.equals(start, GZIP) ? new GZIPInputStream(in, 1 << 16) : in);
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  @Override
  public int read(char[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (!characters.hasRemaining() && !fill()) {
      return -1;
    }
    var count = Math.min(length, characters.remaining());
    characters.get(target, offset, count);
    return count;
  }

  /** Decodes some more text; false at the file's end. */
  private boolean fill() throws IOException {
    if (isFlushed) {
      return false;
    }
    characters.clear();
    while (characters.position() == 0) {
      if (isMalformed) {
        throw malformed();
      }
      if (!atEnd && bytes.remaining() < 16) {
        bytes.compact();
        var count = in.read(bytes.array(), bytes.position(), bytes.remaining());
        isUtf16 |= !isBegun && bytes.position() == 0 && count >= 2 && isUtf16Mark(bytes.array());
        atEnd = count < 0;
        bytes.position(bytes.position() + Math.max(0, count));
        bytes.flip();
      }
      CoderResult result = decoder.decode(bytes, characters, atEnd);
      isMalformed = result.isError();
      if (result.isUnderflow() && atEnd) {
        decoder.flush(characters);
        isFlushed = true;
      }
      dropByteOrderMark();
      if (isFlushed) {
        break;
      }
    }
    characters.flip();
    for (var i = characters.position(); i < characters.limit(); i++) {
      line += characters.get(i) == '\n' ? 1 : 0;
    }
    return characters.hasRemaining();
  }

  private static boolean isUtf16Mark(byte[] bytes) {
    return bytes[0] == (byte) 0xFF && bytes[1] == (byte) 0xFE || bytes[0] == (byte) 0xFE && bytes[1] == (byte) 0xFF;
  }

  private void dropByteOrderMark() {
    if (!isBegun && characters.position() > 0) {
      isBegun = true;
      if (characters.get(0) == '\uFEFF') {
        var end = characters.position();
        characters.flip().position(1);
        characters.compact();
        characters.position(end - 1);
      }
    }
  }

  private InvalidInputException malformed() {
    if (isUtf16) {
      return new InvalidInputException(
          "%s:%d: not valid %s, but it begins as UTF-16 does; set format: {charset: utf-16}"
              .formatted(file, line, charset.name()));
    }
    var advice =
        charset.equals(StandardCharsets.UTF_8)
            ? "name the file's charset, such as format: {charset: iso-8859-1}, or convert it, for instance: iconv -f"
                + " ISO-8859-1 -t UTF-8"
            : "check format.charset";
    return new InvalidInputException("%s:%d: not valid %s; %s".formatted(file, line, charset.name(), advice));
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
