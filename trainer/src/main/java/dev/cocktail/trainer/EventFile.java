package dev.cocktail.trainer;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * A file of scalars over steps that TensorBoard reads: TensorFlow's record format around {@code Event} messages.
 *
 * <p>A record is the length of its content (8 bytes), a checksum of these (4 bytes), the content, and a checksum of the
 * content; all little-endian. The checksum is CRC-32C, rotated right by 15 bits, plus 0xa282ead8, so that a checksum of
 * data that hold checksums stays a good one. Of an {@code Event}, field 1 is the time in seconds, 2 the step, 3 the
 * format's version (in the first record only) and 5 the summary; of a {@code Summary}, field 1 is one value after the
 * other; of a value, field 1 is the tag and 2 the number.
 */
final class EventFile implements AutoCloseable {
  private static final int TIME = 1;
  private static final int STEP = 2;
  private static final int VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int NUMBER = 2;

  private final FileChannel channel;

  /** Goes on at a file's end, or begins it. */
  EventFile(Path file) {
    boolean begun;
    try {
      Files.createDirectories(file.getParent());
      channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      begun = channel.size() > 0;
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + e.getMessage(), e);
    }
    if (!begun) {
      write(event -> event.writeString(VERSION, "brain.Event:2"));
    }
  }

  /**
   * Appends numbers, each under its tag; they are in the system's hands when this returns.
   *
   * @param step counted from 1; 0 for what was found before the first
   */
  void write(int step, Map<String, Double> values) {
    byte[] summary =
        message(out -> {
          for (Map.Entry<String, Double> value : values.entrySet()) {
            out.writeByteArray(
                VALUE,
                message(one -> {
                  one.writeString(TAG, value.getKey());
                  one.writeFloat(NUMBER, value.getValue().floatValue());
                }));
          }
        });
    write(event -> {
      event.writeInt64(STEP, step);
      event.writeByteArray(SUMMARY, summary);
    });
  }

  /** Fields of a message. */
  private interface Fields {
    void writeTo(CodedOutputStream out) throws IOException;
  }

  private static byte[] message(Fields fields) {
    var bytes = new ByteArrayOutputStream();
    var out = CodedOutputStream.newInstance(bytes);
    try {
      fields.writeTo(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private void write(Fields event) {
    byte[] content =
        message(out -> {
          out.writeDouble(TIME, System.currentTimeMillis() / 1e3);
          event.writeTo(out);
        });
    ByteBuffer record = ByteBuffer.allocate(content.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(content.length);
    record.putInt(checksum(record.array(), 0, Long.BYTES)).put(content);
    record.putInt(checksum(content, 0, content.length)).flip();
    try {
      while (record.hasRemaining()) {
        channel.write(record);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the event file cannot be written: " + e.getMessage(), e);
    }
  }

  private static int checksum(byte[] bytes, int from, int length) {
    var crc = new CRC32C();
    crc.update(bytes, from, length);
    return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new UncheckedIOException("the event file cannot be written: " + e.getMessage(), e);
    }
  }
}
