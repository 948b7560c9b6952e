package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.trainer.data.SourceRecord.Learn;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskTemplateTest {
  private static final Map<String, String> LABELS = Map.of("0", "negative", "1", "neutral");
  private static final List<Message> SENTIMENT =
      List.of(Message.user("Is it? {{ text }}"), Message.assistant("{{ label }}"));

  @TempDir private Path folder;
  private Tokenizer tokenizer;

  @BeforeEach
  void load() throws IOException {
    for (var file : List.of("tokenizer.json", "tokenizer_config.json")) {
      try (var in = Tokenizer.class.getResourceAsStream("tiny/" + file)) {
        Files.copy(in, folder.resolve(file));
      }
    }
    tokenizer = Tokenizer.load(folder);
  }

  @AfterEach
  void close() {
    tokenizer.close();
  }

  @Test
  void labelsStandForValues() throws IOException {
    Path file = write("a.csv", "text,label\nIt fell {{ label }}.,0\nflat,1\n");
    assertThat(read(source(file, template(SENTIMENT, LABELS))))
        .extracting(SourceRecord.Conversation::messages)
        .containsExactly(
            List.of(Message.user("Is it? It fell {{ label }}."), Message.assistant("negative")),
            List.of(Message.user("Is it? flat"), Message.assistant("neutral")));
  }

  @Test
  void unknownLabelsAreCounted() throws IOException {
    Path file = write("a.csv", "text,label\nx,0\ny,2\nz,2\nw,positive\n");
    assertThatThrownBy(() -> read(source(file, template(SENTIMENT, LABELS))))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":3: '2' of the field 'label' is none of the template's labels")
        .hasMessageContaining("Of 4 records, 3 have such labels: '2' 2 times, 'positive' 1 times");
  }

  @Test
  void fieldsThatAreMissing() throws IOException {
    Path file = write("a.jsonl", "{\"text\": \"x\", \"label\": 0}\n{\"txet\": \"x\", \"label\": 1}\n");
    assertThatThrownBy(() -> read(source(file, template(SENTIMENT, LABELS))))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":2: the template's user text names the field 'text'")
        .hasMessageContaining("the nearest is 'txet'")
        .hasMessageContaining("txet, label");
  }

  @Test
  void partsThatDoNotFitTogether() {
    var two = List.of(Message.user("{{ a }}"), Message.assistant("{{ b }}{{ c }}"));
    assertThatThrownBy(() -> template(two, LABELS)).hasMessageContaining("names the fields b, c");
    assertThatThrownBy(() -> TaskTemplate.of(two, Map.of(), Optional.empty(), Optional.of("b")))
        .hasMessageContaining("part of the answer");
    assertThatThrownBy(() -> TaskTemplate.of(two, Map.of(), Optional.empty(), Optional.of("d")))
        .hasMessageContaining("no text of the template names the field 'd'");
  }

  @Test
  void plainTextIsMadeOfFields() throws IOException {
    Path file = write("a.csv", "title,body,kind\nUp,It rose.,news\nBuy,now,advert\n");
    var template = TaskTemplate.ofText("{{ title }}: {{ body }}").where("kind == 'news'");
    var source =
        new DataSource(
            file,
            DataFormat.BY_NAME,
            Optional.of(template),
            Optional.empty(),
            Learn.ALL,
            Map.of(),
            List.of("title"),
            Optional.empty());
    List<SourceRecord> records = new ArrayList<>();
    source.read(records::add);
    assertThat(records).containsExactly(new SourceRecord.PlainText(file + ":2", "Up: It rose.", Optional.of("up")));

    Path empty = write("b.csv", "title,body,kind\n,,news\n");
    var blank =
        new DataSource(
            empty, DataFormat.BY_NAME, Optional.of(TaskTemplate.ofText("{{ body }}")), Optional.empty(), Learn.ALL);
    assertThatThrownBy(() -> blank.read(record -> {}))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(empty + ":2: the template's text is empty");
  }

  @Test
  void anEmptyAnswerTeachesNothing() throws IOException {
    Path file = write("a.jsonl", "{\"text\": \"x\", \"label\": null}\n");
    assertThatThrownBy(() -> read(source(file, template(SENTIMENT, Map.of()))))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":1: the assistant's text is empty");
  }

  @Test
  void aSystemMessageWhereThereIsNone() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
            {"messages": [{"role": "system", "content": "own"}, {"role": "assistant", "content": "a"}]}
            """);
    var source = new DataSource(file, DataFormat.BY_NAME, Optional.empty(), Optional.of("be brief"), Learn.ALL);
    assertThat(read(source))
        .extracting(record -> record.messages().getFirst())
        .containsExactly(Message.system("be brief"), Message.system("own"));

    Path pairs = write("b.jsonl", "{\"prompt\": \"p\", \"completion\": \"c\"}\n");
    assertThatThrownBy(
            () -> read(new DataSource(pairs, DataFormat.BY_NAME, Optional.empty(), Optional.of("be brief"), Learn.ALL)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(pairs + ":1: system is for conversations");
  }

  @Test
  void onlyTheLastTurnIsLearnt() throws IOException {
    Path file =
        write(
            "a.jsonl",
            """
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "b"}]}
            """);
    var all = new DataSource(file, DataFormat.BY_NAME, Optional.empty(), Optional.empty(), Learn.ALL);
    assertThat(shown(all))
        .isEqualTo("<|user|>q<|end|><|assistant|>⟦a<|end|>⟧<|user|>r<|end|><|assistant|>⟦b<|end|><|endoftext|>⟧");
    var last = new DataSource(file, DataFormat.BY_NAME, Optional.empty(), Optional.empty(), Learn.LAST);
    assertThat(shown(last))
        .isEqualTo("<|user|>q<|end|><|assistant|>a<|end|><|user|>r<|end|><|assistant|>⟦b<|end|><|endoftext|>⟧");
  }

  @Test
  void theDocumentIsCutAndNothingElse() throws IOException {
    Path file =
        write(
            "a.jsonl",
            "{\"text\": \""
                + "ä🚀x".repeat(40)
                + "\", \"q\": \"the question\", \"a\": \"the answer\"}\n"
                + "{\"text\": \"short\", \"q\": \"the question\", \"a\": \"the answer\"}\n");
    var template =
        TaskTemplate.of(
            List.of(Message.system("read"), Message.user("{{ text }}\nQ: {{ q }}"), Message.assistant("{{ a }}")),
            Map.of(),
            Optional.empty(),
            Optional.of("text"));
    for (int maxLength : List.of(60, 61, 62, 63, 64, 80)) {
      var encoder = new ExampleEncoder(ChatEncoder.of(tokenizer), maxLength, ExampleEncoder.TooLong.CUT);
      var data = TaskData.load("t", source(file, template), encoder);
      assertThat(data.statistics().lost().cut()).isEqualTo(1);
      Example cut = data.examples().getFirst();
      // Characters are never torn: up to three of the four bytes of one may not fit.
      assertThat(cut.length()).isBetween(maxLength - 3, maxLength);
      assertThat(SupervisionSample.render(tokenizer, cut, false))
          .contains("ä🚀x")
          .endsWith("\nQ: the question<|end|><|assistant|>⟦the answer<|end|><|endoftext|>⟧")
          .doesNotContain("\uFFFD");
    }
    var tiny = new ExampleEncoder(ChatEncoder.of(tokenizer), 20, ExampleEncoder.TooLong.CUT);
    assertThatThrownBy(() -> TaskData.load("t", source(file, template), tiny))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":1: ")
        .hasMessageContaining("too long without its document too")
        .hasMessageContaining("cut_or_drop");

    var items =
        EvaluationItems.readCut(source(file, template), new DocumentCut(ChatEncoder.of(tokenizer), 64), _ -> {});
    assertThat(items.cut()).isEqualTo(1);
    var chat = (EvaluationItem.Chat) items.items().getFirst().prompt();
    assertThat(chat.messages().getLast().content()).startsWith("ä🚀x").endsWith("\nQ: the question");
  }

  @Test
  void otherPeoplesTables() {
    Path tweets = SharedFiles.require("data/finance/tfns/sent_valid.csv");
    var moods = Map.of("0", "bearish", "1", "bullish", "2", "neutral");
    var read = read(source(tweets, template(SENTIMENT, moods)));
    assertThat(read).hasSize(2388);
    assertThat(read).allSatisfy(record -> assertThat(moods).containsValue(record.messages().getLast().content()));

    Path gold = SharedFiles.require("data/finance/gold-headlines/gold-dataset-sinha-khandait.csv");
    var format =
        new DataFormat(
            Optional.of(DataFormat.Type.CSV), Optional.of('\t'), Optional.of('"'), Optional.empty(), List.of());
    var up =
        TaskTemplate.of(
            List.of(Message.user("Up? {{ News }}"), Message.assistant("{{ fields['Price Direction Up'] }}")),
            Map.of("0", "no", "1", "yes"),
            Optional.empty(),
            Optional.empty());
    assertThat(read(new DataSource(gold, format, Optional.of(up), Optional.empty(), Learn.ALL)).getFirst().messages())
        .containsExactly(
            Message.user("Up? april gold down 20 cents to settle at $1,116.10/oz"), Message.assistant("no"));

    Path sums = SharedFiles.require("data/general/gsm8k/test.jsonl");
    var working = template(List.of(Message.user("{{ question }}"), Message.assistant("{{ answer }}")), Map.of());
    assertThat(read(source(sums, working))).hasSize(1319);
  }

  private String shown(DataSource source) {
    var encoder = new ExampleEncoder(ChatEncoder.of(tokenizer), 64, ExampleEncoder.TooLong.ERROR);
    return SupervisionSample.render(tokenizer, TaskData.load("t", source, encoder).examples().getFirst(), false);
  }

  private static TaskTemplate template(List<Message> messages, Map<String, String> labels) {
    return TaskTemplate.of(messages, labels, Optional.empty(), Optional.empty());
  }

  private static DataSource source(Path file, TaskTemplate template) {
    return new DataSource(file, DataFormat.BY_NAME, Optional.of(template), Optional.empty(), Learn.ALL);
  }

  private static List<SourceRecord.Conversation> read(DataSource source) {
    List<SourceRecord.Conversation> records = new ArrayList<>();
    source.read(record -> records.add((SourceRecord.Conversation) record));
    return records;
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }
}
