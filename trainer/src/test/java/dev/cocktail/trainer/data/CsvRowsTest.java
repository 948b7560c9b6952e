package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CsvRowsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\r\n"})
  void quotesLineEndsAndBlankLines(String end) throws IOException {
    Path file =
        write(
            "a.csv",
            "\uFEFFtext, label"
                + end
                + "\"one, \"\"two\"\"\",0"
                + end
                + end
                + "\"over"
                + end
                + "lines\",1"
                + end
                + "  "
                + end
                + ",2"
                + end
                + "last,3");
    assertThat(rows(file, DataFormat.BY_NAME).stream().map(row -> row.origin() + " " + row.fields()))
        .containsExactly(
            file + ":2 {\"text\":\"one, \\\"two\\\"\",\"label\":\"0\"}",
            file + ":4 {\"text\":\"over" + end.replace("\r", "\\r").replace("\n", "\\n") + "lines\",\"label\":\"1\"}",
            file + ":7 {\"text\":\"\",\"label\":\"2\"}",
            file + ":8 {\"text\":\"last\",\"label\":\"3\"}");
  }

  @Test
  void delimitersCharsetsAndColumns() throws IOException {
    Path tabs = write("a.TSV", "a\tb\nx, y\t1\n");
    assertThat(rows(tabs, DataFormat.BY_NAME).getFirst().fields().toString()).isEqualTo("{\"a\":\"x, y\",\"b\":\"1\"}");

    Path latin = folder.resolve("Sentences.txt");
    Files.write(
        latin,
        "Nokia \"rose\" 5 \u20AC\u00E4 .@positive\n".replace("\u20AC", "\u00A4").getBytes(StandardCharsets.ISO_8859_1));
    var format = format('@', Optional.empty(), StandardCharsets.ISO_8859_1, List.of("sentence", "label"));
    List<DataRow> rows = rows(latin, format);
    assertThat(rows).hasSize(1);
    assertThat(rows.getFirst().origin()).isEqualTo(latin + ":1");
    assertThat(rows.getFirst().fields().get("sentence").textValue()).isEqualTo("Nokia \"rose\" 5 \u00A4\u00E4 .");
  }

  @Test
  void utf16() throws IOException {
    Path file = folder.resolve("a.csv");
    Files.write(file, "a,b\nä,🚀\n".getBytes(StandardCharsets.UTF_16));
    var format = format(',', Optional.of('"'), StandardCharsets.UTF_16, List.of());
    assertThat(rows(file, format).getFirst().fields().toString()).isEqualTo("{\"a\":\"ä\",\"b\":\"🚀\"}");

    Files.write(file, "a,b\nc,d\n".getBytes(StandardCharsets.UTF_16LE));
    assertRefused(file, DataFormat.BY_NAME, ":1: ", "NUL", "utf-16");
  }

  @Test
  void raggedRows() throws IOException {
    assertRefused(write("a.csv", "a,b\n1,2\n1,2,3\n"), DataFormat.BY_NAME, ":3: ", "3 values, expected 2 (a, b)");
    assertRefused(write("a.csv", "a;b\n1;2\n"), namedColumns(), ":1: 1 value", "','");
  }

  private static DataFormat namedColumns() {
    return format(',', Optional.of('"'), StandardCharsets.UTF_8, List.of("a", "b"));
  }

  @Test
  void headers() throws IOException {
    assertRefused(write("a.csv", "a,b,a\n1,2,3\n"), DataFormat.BY_NAME, ":1: ", "'a' twice");
    assertRefused(write("a.csv", "a,,b\n1,2,3\n"), DataFormat.BY_NAME, ":1: ", "column 2", "no name");
  }

  @Test
  void quotesThatDoNotClose() throws IOException {
    assertRefused(write("a.csv", "a,b\n\"1,2\n3,4\n"), DataFormat.BY_NAME, ":2: not valid CSV", "quote: none");
    assertRefused(write("a.csv", "a,b\n1,2\n\"3\"x,4\n"), DataFormat.BY_NAME, ":3: not valid CSV", "quote: none");
  }

  @Test
  void bytesOfAnotherCharsetAreAnErrorInTheirLine() throws IOException {
    Path file = folder.resolve("a.csv");
    Files.write(file, "a,b\n1,2\n\n\"x\ny\",é\n".getBytes(StandardCharsets.ISO_8859_1));
    assertRefused(file, DataFormat.BY_NAME, ":5: not valid UTF-8", "charset");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a,b\n", "a,b", "\uFEFF", "\n\n"})
  void filesWithoutRecords(String content) throws IOException {
    Path file = write("a.csv", content);
    assertThatThrownBy(() -> DataSource.of(file).read(record -> {}))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("empty");
  }

  @Test
  void formsAreTheColumns() throws IOException {
    Path file =
        write(
            "a.csv",
            "messages,cluster\n"
                + "\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"q\"\"},{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"a\"\"}]\",c7\n");
    List<SourceRecord> records = new ArrayList<>();
    DataSource.of(file).read(records::add);
    assertThat(records.getFirst()).isInstanceOf(SourceRecord.Conversation.class);
    assertThat(records.getFirst().cluster()).contains("c7");
    DataSource.of(write("b.csv", "prompt,completion\np,c\n")).read(records::add);
    assertThat(records.get(1))
        .isEqualTo(new SourceRecord.Completion(folder.resolve("b.csv") + ":2", "p", "c", Optional.empty()));
  }

  @Test
  void otherPeoplesFiles() {
    Path phrasebank = SharedFiles.require("data/finance/phrasebank/Sentences_AllAgree.txt");
    var format = format('@', Optional.empty(), StandardCharsets.ISO_8859_1, List.of("sentence", "label"));
    assertThat(rows(phrasebank, format)).hasSize(2264);
    Path gold = SharedFiles.require("data/finance/gold-headlines/gold-dataset-sinha-khandait.csv");
    assertThat(rows(gold, format('\t', Optional.of('"'), StandardCharsets.UTF_8, List.of())))
        .hasSizeGreaterThan(10_000);
    Path tweets = SharedFiles.require("data/finance/tfns/sent_valid.csv");
    assertThat(rows(tweets, DataFormat.BY_NAME)).hasSize(2388);
  }

  private static DataFormat format(char delimiter, Optional<Character> quote, Charset charset, List<String> columns) {
    return new DataFormat(
        Optional.of(DataFormat.Type.CSV), Optional.of(delimiter), quote, Optional.of(charset), columns);
  }

  private static void assertRefused(Path file, DataFormat format, String place, String... named) {
    assertThatThrownBy(() -> rows(file, format))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + place)
        .hasMessageContainingAll(named);
  }

  private static List<DataRow> rows(Path file, DataFormat format) {
    List<DataRow> rows = new ArrayList<>();
    DataRows.read(file, format, rows::add);
    return rows;
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }
}
