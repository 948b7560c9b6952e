package dev.cocktail.trainer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskDataTest {
  private static final String CHAT =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"yes\"}]}\n";

  @TempDir private Path folder;
  private Tokenizer tokenizer;

  @BeforeEach
  void load() throws IOException {
    for (var name : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
      try (var in = Tokenizer.class.getResourceAsStream("tiny/" + name)) {
        Files.write(folder.resolve(name), in.readAllBytes());
      }
    }
    tokenizer = Tokenizer.load(folder);
  }

  @AfterEach
  void close() {
    tokenizer.close();
  }

  @Test
  void onlyTheAssistantIsLearnt() throws IOException {
    var data = load(write(CHAT + "{\"prompt\":\"2+2=\",\"completion\":\"4\"}\n"), encoder(64));
    assertThat(data.examples()).hasSize(2);
    // <|user|> q <|end|> <|assistant|> | y e s <|end|> <|endoftext|>
    var chat = data.examples().getFirst();
    assertThat(chat.length()).isEqualTo(9);
    assertThat(chat.supervisedTokens()).isEqualTo(5);
    assertThat(SupervisionSample.render(tokenizer, chat, false))
        .isEqualTo("<|user|>q<|end|><|assistant|>⟦yes<|end|><|endoftext|>⟧");
    var pair = data.examples().get(1);
    assertThat(SupervisionSample.render(tokenizer, pair, false)).isEqualTo("2+2=⟦4<|endoftext|>⟧");
    assertThat(SupervisionSample.render(tokenizer, pair, true)).contains("\u001B[1;32m4<|endoftext|>\u001B[0m");
    assertThat(data.statistics()).isEqualTo(new TaskStatistics(2, 15, 7, 6, 9, 9, TaskStatistics.Lost.NOTHING));
    assertThat(data.statistics().supervisedShare()).isEqualTo(7.0 / 13);
    assertThat(pair.labels()).startsWith(-100, -100, -100, -100);
  }

  @Test
  void tooLongIsRefusedWithItsLineOrDroppedAndCounted() throws IOException {
    var file = write(CHAT + "{\"prompt\":\"" + "x ".repeat(50) + "\",\"completion\":\"4\"}\n");
    assertThatThrownBy(() -> load(file, encoder(64)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith(file + ":2: 102 tokens")
        .hasMessageContaining("100 are the prompt alone")
        .hasMessageContaining("max_length");
    var dropping = new ExampleEncoder(ChatEncoder.of(tokenizer), 64, ExampleEncoder.TooLong.DROP);
    assertThat(load(file, dropping).statistics().lost().dropped()).isEqualTo(1);
    var tiny = new ExampleEncoder(ChatEncoder.of(tokenizer), 3, ExampleEncoder.TooLong.DROP);
    assertThatThrownBy(() -> load(file, tiny)).isInstanceOf(InvalidInputException.class).hasMessageContaining("empty");
  }

  @Test
  void aShareOfOneIsRefusedUnlessTextIsMeant() throws IOException {
    var prompts = write("{\"prompt\":\"\",\"completion\":\"hello\"}\n");
    assertThatThrownBy(() -> load(prompts, encoder(64)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("supervised share 1");
    var text = load(write("{\"text\":\"hello\"}\n"), encoder(64));
    assertThat(text.statistics().supervisedShare()).isEqualTo(1);
  }

  @Test
  void controlCharactersDoNotReachTheTerminal() throws IOException {
    var data = load(write("{\"prompt\":\"a\\u001b[2J\",\"completion\":\"b\"}\n"), encoder(64));
    assertThat(SupervisionSample.render(tokenizer, data.examples().getFirst(), false)).startsWith("a␛[2J");
  }

  @Test
  void aTemplateThatRefusesIsReportedWithTheLine() throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), "{{ raise_exception('never') }}");
    var file = write("\n" + CHAT);
    try (var refusing = Tokenizer.load(folder)) {
      var encoder = new ExampleEncoder(ChatEncoder.of(refusing), 64, ExampleEncoder.TooLong.ERROR);
      assertThatThrownBy(() -> load(file, encoder))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageStartingWith(file + ":2: ")
          .hasMessageContaining("never");
    }
  }

  private static TaskData load(Path file, ExampleEncoder encoder) {
    return TaskData.load("t", DataSource.of(file), encoder);
  }

  private ExampleEncoder encoder(int maxLength) {
    return new ExampleEncoder(ChatEncoder.of(tokenizer), maxLength, ExampleEncoder.TooLong.ERROR);
  }

  private Path write(String content) throws IOException {
    return Files.writeString(folder.resolve("data.jsonl"), content);
  }
}
