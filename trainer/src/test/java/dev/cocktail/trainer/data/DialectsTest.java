package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.trainer.data.SourceRecord.Conversation;
import dev.cocktail.trainer.data.SourceRecord.Learn;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The dialects in which people have conversations, and lists of them. */
class DialectsTest {
  private static final Message Q = Message.user("q");
  private static final Message A = Message.assistant("a");
  private static final Message R = Message.user("r");
  private static final Message B = Message.assistant("b");
  private static final Message S = Message.system("s");

  @TempDir private Path folder;

  @Test
  void conversationsAsOthersWriteThem() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s"}
            {"conversations": [{"from": "system", "value": "s"}, {"from": "user", "value": "q"}, {"from": "assistant", "value": "a"}], "system": "ignored"}
            {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "system": ""}
            {"conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}]}
            {"instruction": "q", "output": "a", "input": "", "text": "Below is ..."}
            {"instruction": "q", "input": "r", "output": "a", "system": null, "history": []}
            {"instruction": "r", "output": "b", "history": [["q", "a"]], "system": "s"}
            {"query": "r", "response": "b", "history": [["q", "a"]]}
            """);
    assertThat(messages(DataSource.of(file)))
        .containsExactly(
            List.of(S, Q, A),
            List.of(S, Q, A),
            List.of(Q, A),
            List.of(Q, A, R, B),
            List.of(Q, A),
            List.of(Message.user("q\nr"), A),
            List.of(S, Q, A, R, B),
            List.of(Q, A, R, B));
  }

  @Test
  void otherRolesMeanWhatTheTaskSays() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": "a"}, {"from": "observation", "value": "r"}, {"from": "gpt", "value": "b"}]}
            """);
    var roles = Map.of("function_call", "assistant", "observation", "user");
    assertThat(
            messages(
                new DataSource(
                    file,
                    DataFormat.BY_NAME,
                    Optional.empty(),
                    Optional.empty(),
                    Learn.ALL,
                    roles,
                    List.of(),
                    Optional.empty())))
        .containsExactly(List.of(Q, A, R, B));
  }

  @Test
  void oneListOfRecords() throws IOException {
    Path list =
        write(
            "a.json",
            """

            [
              {"instruction": "q",
               "output": "a"},
              {"prompt": "q", "completion": "a"}, {"prompt": "r", "completion": "b"}
            ]
            """);
    List<String> origins = new ArrayList<>();
    DataSource.of(list).read(record -> origins.add(record.origin()));
    assertThat(origins).containsExactly(list + ":3 (element 1)", list + ":5 (element 2)", list + ":5 (element 3)");

    Path named = write("b.json", "{\"dev\": [{\"prompt\": \"q\", \"completion\": \"a\"}]}");
    List<SourceRecord> records = new ArrayList<>();
    source(named, DataFormat.Type.JSON).read(records::add);
    assertThat(records).hasSize(1);

    Path lines = write("c.json", "{\"prompt\": \"q\", \"completion\": \"a\"}\n".repeat(2));
    records.clear();
    DataSource.of(lines).read(records::add);
    assertThat(records).as("JSONL that is called .json").hasSize(2);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "[@:1: not valid JSON at column ",
        "[{\"prompt\": \"a\", \"completion\": \"b\"},#7]@:2 (element 2): not a JSON object, but the number 7",
        "[{\"prompt\": \"a\", \"completion\": \"b\"},#{\"prompt\": \"a\"}]@:2 (element 2): \"completion\" is missing",
        "[{\"prompt\": \"a\", \"completion\": \"b\"}#{\"prompt\"]@:2: not valid JSON at column",
        "[{\"prompt\": \"a\", \"completion\": \"b\"},#{\"prompt\": ]@:2: not valid JSON at column 12, in element 2",
        "[{\"prompt\": \"a\", \"prompt\": \"b\"}]@:1: not valid JSON at column",
        "[{\"prompt\": \"a\", \"completion\": \"b\"}]#[]@:2: more follows after the list",
        "[]@holds no example",
      })
  void faultsOfAListAreFoundWithLineAndElement(String text, String says) throws IOException {
    Path file = write("a.json", text.replace('#', '\n'));
    assertThatThrownBy(() -> DataSource.of(file).read(_ -> {}))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(says);
  }

  @Test
  void aListWhereLinesWereExpectedIsExplained() throws IOException {
    Path file = write("a.jsonl", "[\n{\"prompt\": \"a\", \"completion\": \"b\"}\n]\n");
    assertThatThrownBy(() -> DataSource.of(file).read(_ -> {}))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("set format: {type: json}");
    Path lines = write("b.json", "{\"a\": 1}\n");
    assertThatThrownBy(() -> messages(source(lines, DataFormat.Type.JSON)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("set format: {type: jsonl}");
  }

  @Test
  void templatesOfSeveralTurns() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"context": "c", "turns": [["q", "a"]], "question": "r", "answer": "b", "facts": ["x", "y"], "pairs": [["k", 1], ["l", 2]]}
            {"context": "c", "question": "r", "answer": "b", "facts": [], "pairs": []}
            """);
    TaskTemplate template =
        TaskTemplate.of(
                List.of(
                    Message.system("{{ context }}"),
                    Message.user("what?"),
                    Message.assistant("that"),
                    Message.user(
                        "{% for fact in facts %}- {{ fact }}\n{% endfor %}{% for k, v in pairs %}{{ k }}={{ v }};{%"
                            + " endfor %}{{ question }}"),
                    Message.assistant("{{ answer }}")),
                Map.of(),
                Optional.empty(),
                Optional.of("context"))
            .withHistory("turns");
    var source = new DataSource(file, DataFormat.BY_NAME, Optional.of(template), Optional.empty(), Learn.LAST);
    List<Message> shots = List.of(Message.user("what?"), Message.assistant("that"));
    assertThat(messages(source))
        .containsExactly(
            List.of(Message.system("c"), Q, A, shots.get(0), shots.get(1), Message.user("- x\n- y\nk=1;l=2;r"), B),
            List.of(Message.system("c"), shots.get(0), shots.get(1), R, B));
    List<SourceRecord> records = new ArrayList<>();
    source.read(records::add);
    var first = (Conversation) records.getFirst();
    assertThat(first.learn()).isEqualTo(Learn.LAST);
    assertThat(first.document().orElseThrow().messages().apply(""))
        .as("without its document, the system message is gone and all else stays")
        .containsExactly(Q, A, shots.get(0), shots.get(1), Message.user("- x\n- y\nk=1;l=2;r"), B);
  }

  @Test
  void fieldsAreMadeAndRecordsChosen() throws IOException {
    Path file =
        write(
            "a.csv",
            """
            kind,text,answer
            sum,"Context: 1 and 2. Question: how much?",3
            talk,"no question",none
            sum,"Context: 2. Question: which?",2
            """);
    TaskTemplate template =
        TaskTemplate.of(
                List.of(Message.user("{{ context }}|{{ question }}"), Message.assistant("{{ answer }}")),
                Map.of(),
                Optional.empty(),
                Optional.of("context"))
            .withFields(
                Map.of(
                    "context",
                    "{{ text.split('Question: ')[0] | trim }}",
                    "question",
                    "{{ text.split('Question: ')[1] }}"))
            .where("kind == 'sum'");
    var source = new DataSource(file, DataFormat.BY_NAME, Optional.of(template), Optional.empty(), Learn.ALL);
    List<SourceRecord> records = new ArrayList<>();
    assertThat(source.read(records::add))
        .containsExactly(file + ": 1 of 3 records left out, of which template.where does not hold");
    assertThat(records)
        .extracting(record -> ((Conversation) record).messages().getFirst().content())
        .containsExactly("Context: 1 and 2.|how much?", "Context: 2.|which?");
    assertThat(((Conversation) records.getFirst()).document().orElseThrow().text()).isEqualTo("Context: 1 and 2.");

    var nothing =
        new DataSource(
            file, DataFormat.BY_NAME, Optional.of(template.where("kind == 'x'")), Optional.empty(), Learn.ALL);
    assertThatThrownBy(() -> messages(nothing))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("holds of none of the 3 records");
    var missing =
        new DataSource(
            file, DataFormat.BY_NAME, Optional.of(template.where("kimd == 'x'")), Optional.empty(), Learn.ALL);
    assertThatThrownBy(() -> messages(missing))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":2: the template's condition names the field 'kimd'")
        .hasMessageContaining("'kind'");
  }

  /** Files as they lie in other projects' repositories; they need no template. */
  @ParameterizedTest
  @CsvSource({
    "jsonl-edge/alpaca.jsonl,3",
    "jsonl-edge/chatml.jsonl,3",
    "jsonl-edge/conversations.jsonl,3",
    "jsonl-edge/sharegpt.jsonl,3",
    "jsonl-edge/swift_single.jsonl,3",
    "jsonl-edge/swift_multi.jsonl,3",
    "llama-factory/alpaca_en_demo.json,999",
    "llama-factory/alpaca_zh_demo.json,1000",
    "llama-factory/identity.json,91",
    "llama-factory/glaive_toolcall_en_demo.json,300",
    "llama-factory/kto_en_demo.json,300",
    "llama-factory/c4_demo.jsonl,300",
  })
  void otherPeoplesFiles(String name, int records) {
    Path file = SharedFiles.require("data/general/" + name);
    var roles = Map.of("function_call", "assistant", "observation", "user");
    var source =
        new DataSource(
            file,
            DataFormat.BY_NAME,
            Optional.empty(),
            Optional.empty(),
            Learn.ALL,
            roles,
            List.of(),
            Optional.empty());
    List<SourceRecord> read = new ArrayList<>();
    source.read(read::add);
    assertThat(read).hasSize(records);
  }

  @Test
  void historyOfRealFiles() {
    Path file = SharedFiles.require("data/general/jsonl-edge/alpaca.jsonl");
    assertThat(messages(DataSource.of(file)).getFirst())
        .containsExactly(
            Message.system("system123"),
            Message.user("aaaaa"),
            Message.assistant("bbbbb"),
            Message.user("11111\n22222"),
            Message.assistant("33333"));
  }

  private static DataSource source(Path file, DataFormat.Type type) {
    var format = new DataFormat(Optional.of(type), Optional.empty(), Optional.of('"'), Optional.empty(), List.of());
    return new DataSource(file, format, Optional.empty(), Optional.empty(), Learn.ALL);
  }

  private static List<List<Message>> messages(DataSource source) {
    List<List<Message>> messages = new ArrayList<>();
    source.read(record -> messages.add(((Conversation) record).messages()));
    return messages;
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }
}
