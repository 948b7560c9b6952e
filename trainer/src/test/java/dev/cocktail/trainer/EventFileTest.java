package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files are read here by another way than they are written: fields by their tags, checksums bit by bit. */
class EventFileTest {
  /** One record: when, at which step, and what. */
  private record Event(double time, long step, String version, Map<String, Float> values) {}

  @TempDir private Path folder;

  @Test
  void holdsTheVersionAndThenTheNumbersUnderTheirTags() throws IOException {
    Path file = folder.resolve("tensorboard/events");
    double before = System.currentTimeMillis() / 1e3;
    try (var events = new EventFile(file)) {
      events.write(1, Map.of("train/loss", 2.5));
      Map<String, Double> two = new LinkedHashMap<>();
      two.put("loss/Größe", -1e-3);
      two.put("train/loss", Double.NaN);
      events.write(300, two);
    }
    List<Event> read = read(file);
    assertThat(read).extracting(Event::version).containsExactly("brain.Event:2", "", "");
    assertThat(read).extracting(Event::step).containsExactly(0L, 1L, 300L);
    assertThat(read.get(1).values()).isEqualTo(Map.of("train/loss", 2.5f));
    assertThat(read.get(2).values()).containsEntry("loss/Größe", -1e-3f).containsEntry("train/loss", Float.NaN);
    assertThat(read.getLast().time()).isBetween(before, before + 600);
  }

  @Test
  void goesOnAtTheEnd() throws IOException {
    Path file = folder.resolve("events");
    for (double value : new double[] {1, 20}) {
      try (var events = new EventFile(file)) {
        events.write(2, Map.of("a", value));
      }
    }
    assertThat(read(file)).extracting(event -> event.values().get("a")).containsExactly(null, 1f, 20f);
  }

  /** The check value of CRC-32C for the nine digits is 0xe3069283; masked as TensorFlow's records are by hand. */
  @Test
  void knowsTheChecksum() {
    int crc = crc32c("123456789".getBytes(StandardCharsets.US_ASCII));
    assertThat(HexFormat.of().toHexDigits(crc)).isEqualTo("e3069283");
  }

  private static List<Event> read(Path file) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    List<Event> events = new ArrayList<>();
    while (bytes.hasRemaining()) {
      byte[] length = new byte[8];
      bytes.get(length);
      assertThat(bytes.getInt()).as("checksum of the length").isEqualTo(masked(length));
      byte[] content = new byte[(int) ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong()];
      bytes.get(content);
      assertThat(bytes.getInt()).as("checksum of the content").isEqualTo(masked(content));
      events.add(event(CodedInputStream.newInstance(content)));
    }
    return events;
  }

  private static int masked(byte[] bytes) {
    int crc = crc32c(bytes);
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }

  /** The Castagnoli polynomial, one bit after the other. */
  private static int crc32c(byte[] bytes) {
    int crc = -1;
    for (byte b : bytes) {
      crc ^= b & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ ((crc & 1) == 1 ? 0x82f63b78 : 0);
      }
    }
    return ~crc;
  }

  private static Event event(CodedInputStream in) throws IOException {
    double time = 0;
    long step = 0;
    String version = "";
    Map<String, Float> values = new LinkedHashMap<>();
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case 1 -> time = in.readDouble();
        case 2 -> step = in.readInt64();
        case 3 -> version = in.readString();
        case 5 -> {
          CodedInputStream summary = in.readBytes().newCodedInput();
          while (summary.readTag() != 0) {
            CodedInputStream value = summary.readBytes().newCodedInput();
            value.readTag();
            String name = value.readString();
            value.readTag();
            values.put(name, value.readFloat());
          }
        }
        default -> throw new IOException("unknown field " + tag);
      }
    }
    return new Event(time, step, version, values);
  }
}
