package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files were written by pyarrow; {@code make-parquet.py} beside them says how. */
class ParquetRowsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"none", "snappy", "zstd", "gzip"})
  void messagesOfEveryCompression(String codec) throws IOException {
    Path file = resource("messages." + codec + ".parquet");
    List<SourceRecord> records = new ArrayList<>();
    DataSource.of(file).read(records::add);
    assertThat(records)
        .containsExactly(
            new SourceRecord.Conversation(
                file + ": row 1",
                List.of(Message.user("How is {{ 7 * 7 }}?"), Message.assistant("as it stands ä🚀")),
                Optional.of("1")),
            new SourceRecord.Conversation(
                file + ": row 2",
                List.of(Message.user("And"), Message.assistant("yes"), Message.user("so"), Message.assistant("on")),
                Optional.empty()));
  }

  @Test
  void columnsOfEveryKind() throws IOException {
    assertThat(rows(resource("fields.parquet")).stream().map(row -> row.fields().toString()))
        .containsExactly(
            "{\"sentence\":\"Sales rose.\",\"label\":2,\"small\":1,\"share\":0.5,\"true\":true,\"day\":\"2020-01-02\","
                + "\"price\":12.50,\"tags\":[\"a\",\"b\"],\"nested\":{\"a\":{\"b\":\"c\"}},\"named\":{\"k\":1},"
                + "\"name with space\":\"x\"}",
            "{\"sentence\":\"Sales fell.\",\"label\":0,\"small\":2,\"share\":1.0,\"true\":false,\"day\":\"2020-01-02\","
                + "\"price\":12.50,\"tags\":[],\"nested\":{\"a\":null},\"named\":{},\"name with space\":\"y\"}",
            "{\"sentence\":null,\"label\":1,\"small\":3,\"share\":-2.25,\"true\":null,\"day\":\"2020-01-02\","
                + "\"price\":12.50,\"tags\":null,\"nested\":null,\"named\":null,\"name with space\":\"z\"}");
  }

  @Test
  void bytesThatAreNoText() throws IOException {
    Path file = resource("bytes.parquet");
    assertThatThrownBy(() -> rows(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ": row 2: column 'bytes' holds bytes that are no text");
  }

  @Test
  void filesThatAreNoParquet() throws IOException {
    for (String text : List.of("", "PAR1", "PAR1PAR1", "a,b\n1,2\n", "PAR1 and so on, but no end")) {
      Path file = Files.writeString(folder.resolve("other.parquet"), text);
      assertThatThrownBy(() -> rows(file))
          .as(text)
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining(file + "");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"messages.none.parquet", "messages.snappy.parquet", "messages.zstd.parquet", "fields.parquet"})
  void everyTruncationIsRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(resource(name));
    for (int length = 0; length < whole.length; length += 1 + whole.length / 40) {
      Path file = folder.resolve("short.parquet");
      Files.write(file, java.util.Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> rows(file)).as("%d bytes", length).isInstanceOf(InvalidInputException.class);
    }
  }

  /** Damaged bytes give other values or one printable line, never anything else. */
  @ParameterizedTest
  @ValueSource(
      strings = {"messages.none.parquet", "messages.snappy.parquet", "messages.zstd.parquet", "fields.parquet"})
  void damagedBytesAreReadOrRefused(String name) throws IOException {
    byte[] whole = Files.readAllBytes(resource(name));
    var random = new SplittableRandom(7);
    int refused = 0;
    for (int i = 0; i < 60; i++) {
      byte[] damaged = whole.clone();
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        damaged[random.nextInt(4, damaged.length - 4)] = (byte) random.nextInt(256);
      }
      Path file = folder.resolve("damaged" + i + ".parquet");
      Files.write(file, damaged);
      try {
        DataRows.read(file, DataFormat.BY_NAME, _ -> {});
      } catch (InvalidInputException e) {
        refused++;
        assertThat(e.getMessage().lines()).hasSize(1);
        assertThat(e).hasMessageStartingWith(file.toString());
      }
    }
    assertThat(refused).isPositive();
  }

  private static List<DataRow> rows(Path file) {
    List<DataRow> rows = new ArrayList<>();
    DataRows.read(file, DataFormat.BY_NAME, rows::add);
    return rows;
  }

  private Path resource(String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream in = ParquetRowsTest.class.getResourceAsStream(name)) {
      Files.copy(in, file);
    }
    return file;
  }
}
