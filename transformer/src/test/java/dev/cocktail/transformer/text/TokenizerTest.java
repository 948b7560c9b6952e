package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A small byte-level tokenizer with Phi-3's special tokens, and folders that are wrong. */
class TokenizerTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"", "hello positive", "zwölf 🚀 日本\n\n\t", "<|user|>\nhello<|end|>\n", "\u0000\u001b", "a\r\nb"})
  void textComesBack(String text) {
    try (var tokenizer = tiny()) {
      var encoded = tokenizer.encodeWithSpans(text, false);
      assertThat(encoded.ids()).isEqualTo(tokenizer.encode(text, false));
      // White space after a role token is that token's.
      assertThat(tokenizer.decode(encoded.ids(), false)).isEqualTo(text.replace(">\n", ">"));
      var reached = 0;
      for (var i = 0; i < encoded.length(); i++) {
        assertThat(encoded.starts()[i]).isLessThanOrEqualTo(reached);
        reached = Math.max(reached, encoded.ends()[i]);
      }
      assertThat(reached).isEqualTo(text.length());
      var decoder = tokenizer.streamingDecoder(false);
      var streamed = new StringBuilder();
      IntStream.of(encoded.ids()).forEach(id -> streamed.append(decoder.next(id)));
      assertThat(streamed.append(decoder.finish()).toString()).isEqualTo(text.replace(">\n", ">"));
    }
  }

  @Test
  void specialTokensMayBeTextOrObjects() {
    try (var tokenizer = tiny()) {
      assertThat(tokenizer.bosId()).isEqualTo(tokenizer.idOf("<s>"));
      assertThat(tokenizer.eosId()).isEqualTo(tokenizer.idOf("<|endoftext|>"));
      assertThat(tokenizer.padId()).isEqualTo(tokenizer.eosId());
      assertThat(tokenizer.vocabularySize()).isEqualTo(tokenizer.idOf("<|end|>").getAsInt() + 1);
      assertThat(tokenizer.isSpecial(tokenizer.eosId().getAsInt())).isTrue();
      assertThat(tokenizer.idOf("nonsense")).isEmpty();
    }
  }

  @Test
  void aLoneSurrogateBecomesAReplacementCharacter() {
    try (var tokenizer = tiny()) {
      assertThat(tokenizer.decode(tokenizer.encode("a\uD83Db", false), false)).isEqualTo("a\uFFFDb");
    }
  }

  @Test
  void manyThreadsMayEncode() {
    try (var tokenizer = tiny()) {
      var expected = tokenizer.encode("hello positive hello", false);
      IntStream.range(0, 500)
          .parallel()
          .forEach(i -> assertThat(tokenizer.encode("hello positive hello", false)).isEqualTo(expected));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "''@expected a JSON object",
        "[]@expected a JSON object",
        "{\"model\": {\"vocab\": {\"a\": 0@not valid JSON at line 1",
        "{}@it has no model.vocab",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}}@occurs twice",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}@expected its id",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}@out of vocabulary",
        "{\"model\":{\"type\":\"Riddle\",\"vocab\":{\"a\":0}}}@not a tokenizer",
        "version https://git-lfs.github.com/spec/v1@git lfs pull",
      })
  void aBrokenFileIsNamed(String content, String named) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), content.equals("''") ? "" : content);
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining(named);
  }

  @Test
  void anAbsentFileOrFolderIsNamed() {
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("tokenizer.json does not exist");
    assertThatThrownBy(() -> Tokenizer.load(folder.resolve("nowhere")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("not a folder");
  }

  @Test
  void aConfigurationThatNamesUnknownTokensIsRefused() throws IOException, URISyntaxException {
    Files.copy(source().resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|stop|>\"}");
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("eos_token")
        .hasMessageContaining("<|stop|>");
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": ");
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("tokenizer_config.json is not valid JSON");
  }

  @Test
  void aTemplateMayBeAFileOrOneOfSeveral() throws IOException, URISyntaxException {
    Files.copy(source().resolve("tokenizer.json"), folder.resolve("tokenizer.json"));
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"chat_template\": [{\"name\": \"tool\", \"template\": \"t\"}, {\"name\": \"default\", \"template\":"
            + " \"d\"}]}");
    assertThat(rendered()).isEqualTo("d");
    Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": \"j\"}");
    assertThat(rendered()).isEqualTo("j");
    Files.writeString(folder.resolve("chat_template.jinja"), "f\n");
    assertThat(rendered()).isEqualTo("f");
  }

  private String rendered() {
    try (var tokenizer = Tokenizer.load(folder)) {
      return tokenizer.chatTemplate().orElseThrow().render(java.util.List.of(), false);
    }
  }

  private static Path source() throws URISyntaxException {
    return Path.of(TokenizerTest.class.getResource("tiny").toURI());
  }

  private static Tokenizer tiny() {
    try {
      return Tokenizer.load(source());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
