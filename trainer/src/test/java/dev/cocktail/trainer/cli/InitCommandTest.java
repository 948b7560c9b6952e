package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.trainer.RunContents;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitCommandTest {
  private static final String[] SMALL = {
    "--hidden-size",
    "16",
    "--num-attention-heads",
    "2",
    "--num-key-value-heads",
    "1",
    "--num-hidden-layers",
    "1",
    "--intermediate-size",
    "24",
    "--max-position-embeddings",
    "128",
    "--vocab-size",
    "280",
  };

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
    folder.write("news.csv", "headline,moves\n" + "Zinc zinc zinc rose,up\n".repeat(3) + "Qi fell,down\n");
    folder.write(
        "run.yaml",
        """
        model: new
        adapter: {type: none}
        trainable: [all]
        tasks:
          - name: text
            train: news.csv
            format: {type: csv}
            template: {text: "{{ headline }}: {{ moves }}"}
        training: {max_steps: 2, max_length: 64, tokens_per_step: 64}
        output: out
        """);
  }

  private CommandRun init(String... more) {
    String[] arguments = new String[3 + more.length];
    System.arraycopy(new String[] {"init", "--quiet", folder.path("run.yaml").toString()}, 0, arguments, 0, 3);
    System.arraycopy(more, 0, arguments, 3, more.length);
    return CommandRun.of(arguments);
  }

  @Test
  void aRunTrainsWhatWasMadeForIt() throws IOException {
    init(SMALL).done();
    JsonNode config = new ObjectMapper().readTree(folder.text("new/config.json"));
    assertThat(config.at("/hidden_size").intValue()).isEqualTo(16);
    assertThat(config.at("/num_key_value_heads").intValue()).isEqualTo(1);
    // "Zinc" and " zinc" repeat, and few other pairs: fewer pieces than asked for.
    assertThat(config.at("/vocab_size").intValue()).isBetween(262, 280);
    try (Tokenizer tokenizer = Tokenizer.load(folder.path("new"))) {
      assertThat(tokenizer.encode("Zinc zinc", false)).hasSize(2);
      assertThat(tokenizer.encode("<|assistant|>", false)).containsExactly(3);
    }
    CommandRun.of("train", "--device", "cpu", folder.path("run.yaml").toString()).done();
    CommandRun.of("generate", "--model", folder.path("out/model").toString(), "--prompt", "Zinc", "--device", "cpu")
        .done();
  }

  @Test
  void theSameSeedMakesTheSameModel() {
    init(SMALL).done();
    Map<String, String> first = RunContents.of(folder.path("new"));
    folder.edit("run.yaml", "model: new", "model: again");
    init(SMALL).done();
    assertThat(RunContents.of(folder.path("again"))).isEqualTo(first);
  }

  /** Neither what a task holds out nor what the run leaves out of training is a word that the tokenizer knows. */
  @Test
  void theTokenizerIsLearntFromWhatIsTrainedOnOnly() {
    folder.write(
        "text.jsonl",
        "{\"text\": \"Qqqq qqqq qqqq\"}\n{\"text\": \"Xyxy xyxy xyxy\"}\n{\"text\": \"Zinc zinc zinc\"}\n");
    folder.write("test.jsonl", "{\"text\": \"xyxy XYXY xyxy\"}\n{\"text\": \"Wawa wawa wawa\"}");
    folder.write(
        "run.yaml",
        """
        model: new
        adapter: {type: none}
        trainable: [all]
        tasks: [{name: text, train: text.jsonl, test: test.jsonl}]
        training: {max_steps: 2, on_shared_examples: exclude}
        """);
    init(SMALL).done();
    try (Tokenizer tokenizer = Tokenizer.load(folder.path("new"))) {
      assertThat(tokenizer.encode(" qqqq", false)).hasSizeLessThan(3);
      assertThat(tokenizer.encode(" zinc", false)).hasSizeLessThan(3);
      assertThat(tokenizer.encode(" xyxy", false)).hasSize(5);
      assertThat(tokenizer.encode(" wawa", false)).hasSize(5);
    }
  }

  @Test
  void whatIsThereIsNotOverwritten() {
    folder.edit("run.yaml", "model: new", "model: model");
    Map<String, String> before = folder.contents();
    CommandRun refused = init(SMALL);
    assertThat(refused.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(refused.err()).contains("model is there already");
    assertThat(folder.contents()).isEqualTo(before);
  }

  @Test
  void shapesThatAreNoneAreRefused() {
    assertThat(init("--hidden-size", "30").err())
        .contains("hidden_size is 30; expected a multiple of twice num_attention_heads, which is 8");
    assertThat(init("--num-key-value-heads", "3").err()).contains("num_key_value_heads is 3; expected a divisor");
    assertThat(init("--vocab-size", "256").err()).contains("vocab_size is 256; expected at least 261");
    assertThat(folder.path("new")).doesNotExist();
  }
}
