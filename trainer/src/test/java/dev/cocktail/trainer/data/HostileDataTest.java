package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.SourceRecord.Learn;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** Whatever a file holds, it is read, or refused with one printable line that names it. */
class HostileDataTest {
  private static final List<String> PIECES =
      List.of(
          "text,label\n",
          "a",
          ",",
          "\"",
          "\"\"",
          "\n",
          "\r\n",
          "\r",
          "\0",
          "\uFEFF",
          "ä",
          "🚀",
          "\t",
          " ",
          "{{ text }}",
          "{% raw %}",
          "{\"text\": \"",
          "\"}",
          "{\"messages\":[",
          "{\"role\":\"user\",\"content\":\"q\"}",
          "]}",
          "\\u0000",
          "\\",
          "\u001B[2J",
          "0",
          "1",
          ";",
          "label",
          "text");

  private static final List<Charset> CHARSETS =
      List.of(StandardCharsets.UTF_8, StandardCharsets.ISO_8859_1, StandardCharsets.UTF_16);

  private static Path folder;

  @BeforeContainer
  static void create() throws IOException {
    folder = Files.createTempDirectory("hostile");
  }

  @AfterContainer
  static void delete() throws IOException {
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  @Provide
  Arbitrary<byte[]> bytes() {
    Arbitrary<byte[]> pieces =
        Arbitraries.of(PIECES).list().ofMaxSize(25).map(list -> String.join("", list).getBytes(StandardCharsets.UTF_8));
    Arbitrary<byte[]> others =
        Arbitraries.of(PIECES)
            .list()
            .ofMaxSize(25)
            .map(list -> String.join("", list).getBytes(StandardCharsets.UTF_16));
    return Arbitraries.oneOf(pieces, others, Arbitraries.bytes().array(byte[].class).ofMaxSize(60));
  }

  @Property(tries = 200)
  void isReadOrRefused(@ForAll("bytes") byte[] content, @ForAll DataFormat.Type type) throws IOException {
    Path file = folder.resolve("data");
    Files.write(file, content);
    var template =
        TaskTemplate.of(
            List.of(Message.user("{{ text }}"), Message.assistant("{{ label }}")),
            Map.of("0", "no", "1", "yes"),
            Optional.empty(),
            Optional.of("text"));
    for (Charset charset : CHARSETS) {
      for (Optional<TaskTemplate> asked : List.of(Optional.<TaskTemplate>empty(), Optional.of(template))) {
        var format =
            new DataFormat(Optional.of(type), Optional.empty(), Optional.of('"'), Optional.of(charset), List.of());
        try {
          new DataSource(file, format, asked, Optional.empty(), Learn.ALL)
              .read(record -> assertThat(record.origin()).startsWith(file + ":"));
        } catch (InvalidInputException e) {
          assertThat(e).hasMessageStartingWith(file.toString());
          assertThat(e.getMessage().lines()).hasSize(1);
          assertThat(e.getMessage().codePoints()).noneMatch(Character::isISOControl);
          assertThat(e.getMessage()).hasSizeLessThan(2000);
        }
      }
    }
  }

  /** What is written as CSV by the rules of RFC 4180 is read back, whatever the values hold. */
  @Property(tries = 200)
  void valuesComeBack(@ForAll("rows") List<List<String>> rows) throws IOException {
    var text = new StringBuilder("a,b,c\r\n");
    for (List<String> row : rows) {
      text.append(String.join(",", row.stream().map(value -> '"' + value.replace("\"", "\"\"") + '"').toList()))
          .append("\r\n");
    }
    Path file = Files.writeString(folder.resolve("data.csv"), text);
    var read = new java.util.ArrayList<List<String>>();
    DataRows.read(
        file,
        DataFormat.BY_NAME,
        row ->
            read.add(
                List.of(
                    row.fields().get("a").asText(), row.fields().get("b").asText(), row.fields().get("c").asText())));
    assertThat(read).isEqualTo(rows);
  }

  @Provide
  Arbitrary<List<List<String>>> rows() {
    Arbitrary<String> values =
        Arbitraries.of("", "a", "\"", ",", "\n", "\r\n", "ä", "🚀", " ", "\t", "'")
            .list()
            .ofMaxSize(6)
            .map(list -> String.join("", list));
    return values.list().ofSize(3).list().ofMinSize(1).ofMaxSize(8);
  }
}
