package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DataSourceTest {
  @TempDir private Path folder;

  @Test
  void allForms() throws IOException {
    var file =
        write(
            "\uFEFF{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"ä🚀\"}]}\r\n"
                + "\r\n"
                + "  \n"
                + "{\"prompt\":\"\",\"completion\":\"c\",\"id\":7}\n"
                + "{\"text\":\"t\"}");
    assertThat(read(file))
        .containsExactly(
            new SourceRecord.Conversation(
                file + ":1", List.of(Message.user("q"), Message.assistant("ä🚀")), Optional.empty()),
            new SourceRecord.Completion(file + ":4", "", "c", Optional.empty()),
            new SourceRecord.PlainText(file + ":5", "t", Optional.empty()));
  }

  @Test
  void packedFilesAreUnpacked() throws IOException {
    var file = folder.resolve("data.jsonl.gz");
    try (var out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write("{\"text\":\"ä\"}\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(read(file)).containsExactly(new SourceRecord.PlainText(file + ":1", "ä", Optional.empty()));
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 12));
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("Cannot read " + file);
  }

  @Test
  void otherCharsetsThatCanBeToldAreNamed() throws IOException {
    var file = folder.resolve("data.jsonl");
    Files.write(file, "\uFEFF{\"text\":\"a\"}".getBytes(StandardCharsets.UTF_16LE));
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(file + ":1: not valid UTF-8, but it begins as UTF-16 does; set format: {charset: utf-16}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "{\"prompt\": \"a\", @not valid JSON at column",
        "[1, 2]@not a JSON object",
        "{\"prompt\":\"a\",\"completion\":\"b\"} {}@more follows after the object; expected one object a line",
        "{\"prompt\":\"a\",\"completion\":\"b\"} x@not valid JSON",
        "{\"prompt\":\"a\",\"prompt\":\"b\",\"completion\":\"c\"}@not valid JSON",
        "{\"prompt\":\"a\"}@\"completion\" is missing",
        "{\"completion\":\"a\"}@\"prompt\" is missing",
        "{\"prompt\":1,\"completion\":\"b\"}@\"prompt\" is the number 1; expected text",
        "{\"prompt\":\"a\",\"completion\":null}@\"completion\" is null; expected text",
        "{\"prompt\":\"a\",\"completion\":\"  \"}@\"completion\" is empty",
        "{\"instruction\":\"a\",\"answer\":\"b\"}@[answer, instruction]",
        "{\"instruction\":\"\",\"output\":\"b\"}@\"instruction\" is empty",
        "{\"instruction\":\"a\",\"output\":\"\"}@\"output\" is empty",
        "{\"instruction\":\"a\",\"output\":\"b\",\"history\":[[\"q\"]]}@\"history\"[0] is a list",
        "{\"conversations\":\"x\"}@\"conversations\" is text; expected a list",
        "{\"conversations\":[{\"from\":\"human\"}]}@\"conversations\"[0].\"value\" is missing",
        "{\"conversations\":[{\"from\":\"observation\",\"value\":\"x\"}]}@such as roles: {observation: user}",
        "{\"messages\":{}}@\"messages\" is an object; expected a list",
        "{\"messages\":[]}@nothing to learn",
        "{\"messages\":[7]}@\"messages\"[0] is the number 7",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}@nothing to learn",
        "{\"messages\":[{\"role\":\"human\",\"content\":\"q\"}]}@the role \"human\"; expected system, user or"
            + " assistant",
        "{\"messages\":[{\"role\":\"user\"}]}@\"messages\"[0].\"content\" is missing",
        "{\"messages\":[{\"content\":\"q\"}]}@\"messages\"[0].\"role\" is missing",
        "{\"messages\":[{\"role\":\"user\",\"content\":[\"q\"]}]}@is a list; expected text",
        "{\"messages\":[],\"prompt\":\"q\"}@both",
        "{\"text\":\"\"}@\"text\" is empty",
        "nonsense@not valid JSON",
      })
  void saysFileAndLineAndWhatWasExpected(String line, String named) throws IOException {
    var file = write("{\"prompt\":\"a\",\"completion\":\"b\"}\n\n" + line + "\n");
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":3: ")
        .hasMessageContaining(named);
  }

  @Test
  void bytesThatAreNoUtf8() throws IOException {
    var file = folder.resolve("latin1.jsonl");
    Files.write(file, "{\"prompt\":\"é\",\"completion\":\"b\"}".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":1: ")
        .hasMessageContaining("UTF-8");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n\n", "  \r\n", "\uFEFF"})
  void anEmptyFileIsAnEmptyTask(String content) throws IOException {
    var file = write(content);
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("empty");
  }

  @Test
  void aFileThatIsNotThere() {
    var file = folder.resolve("absent.jsonl");
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining("does not exist");
  }

  /** Whatever a JSON parser must refuse is refused with its line, and nothing else is thrown. */
  @Test
  void otherPeoplesBrokenJson() throws IOException {
    var suite = SharedFiles.require("data/json/JSONTestSuite");
    List<Path> files;
    try (var walk = Files.walk(suite)) {
      files = walk.filter(path -> path.getFileName().toString().matches("[ny]_.*\\.json")).toList();
    }
    assertThat(files).isNotEmpty();
    for (var file : files) {
      assertThatThrownBy(() -> read(file))
          .as(file.toString())
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining(file.toString());
    }
  }

  private Path write(String content) throws IOException {
    return Files.writeString(folder.resolve("data.jsonl"), content);
  }

  private static List<SourceRecord> read(Path file) {
    var records = new ArrayList<SourceRecord>();
    DataSource.of(file).read(records::add);
    return records;
  }
}
