package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Other people's test vectors, on real tokenizers. */
class TokenizerVectorsTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

  /** The SentencePiece vocabulary of llama-spm is Phi-3's; llama.cpp adds no BOS in these files. */
  @ParameterizedTest
  @ValueSource(strings = {"ggml-vocab-phi-3", "ggml-vocab-llama-spm", "2025-07.ggml-vocab-phi-3"})
  void llamaCppVectors(String name) throws IOException {
    var folder = SharedFiles.require("data/tokenizer/llama.cpp");
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/phi-3-mini"))) {
      var inputs = Files.readString(folder.resolve(name + ".gguf.inp")).split(SEPARATOR, -1);
      var outputs = Files.readString(folder.resolve(name + ".gguf.out")).lines().toList();
      var checked = 0;
      for (var i = 0; i < outputs.size(); i++) {
        var expected =
            Arrays.stream(outputs.get(i).strip().split("\\s+"))
                .filter(s -> !s.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
        assertThat(tokenizer.encode(inputs[i], false)).as("input %d: '%s'", i, inputs[i]).isEqualTo(expected);
        assertThat(tokenizer.decode(expected, false)).as("input %d", i).isEqualTo(inputs[i]);
        assertThat(stream(tokenizer, expected)).as("input %d, streamed", i).isEqualTo(inputs[i]);
        checked++;
      }
      assertThat(checked).isGreaterThanOrEqualTo(46);
    }
  }

  @Test
  void llamaVectors() throws IOException {
    var cases = JSON.readTree(SharedFiles.require("data/tokenizer/vectors/hf-llama-tokenizer-vectors.json").toFile());
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/phi-3-vision"))) {
      assertThat(cases).hasSize(37);
      for (var entry : cases) {
        var text = entry.get("text").textValue();
        var ids = ids(entry.get("ids"));
        assertThat(tokenizer.encode(text, true)).as(entry.get("name").textValue()).isEqualTo(ids);
        assertThat(tokenizer.decode(ids, false))
            .as(entry.get("name").textValue())
            .isEqualTo(entry.get("decoded").textValue());
      }
    }
  }

  @Test
  void phiVectors() throws IOException {
    var cases = JSON.readTree(SharedFiles.require("data/tokenizer/vectors/ortx-phi3-vectors.json").toFile());
    assertThat(cases.get("encode")).hasSize(5);
    for (var entry : cases.get("encode")) {
      var folder = SharedFiles.require("data/tokenizer/" + entry.get("tokenizer").textValue());
      try (var tokenizer = Tokenizer.load(folder)) {
        var ids = ids(entry.get("ids"));
        assertThat(tokenizer.encode(entry.get("text").textValue(), true)).isEqualTo(ids);
        if (entry.has("decoded")) {
          assertThat(tokenizer.decode(ids, true)).isEqualTo(entry.get("decoded").textValue());
        }
      }
    }
  }

  /** Phi-4's case has no tokenizer.json; its template is checked all the same. */
  @Test
  void phiChatVectors() throws IOException {
    var cases =
        JSON.readTree(SharedFiles.require("data/tokenizer/vectors/ortx-phi3-vectors.json").toFile()).get("chat");
    assertThat(cases).hasSize(4);
    for (var entry : cases) {
      var name = entry.get("tokenizer").textValue();
      var folder = SharedFiles.require("data/tokenizer/" + name);
      var messages = new ArrayList<Message>();
      entry
          .get("messages")
          .forEach(message ->
              messages.add(new Message(message.get("role").textValue(), message.get("content").textValue())));
      var config = TokenizerConfig.read(folder);
      var template = ChatTemplate.of(name, config.chatTemplate().orElseThrow(), config.specialTokens());
      var text = template.render(messages, entry.get("add_generation_prompt").booleanValue());
      assertThat(text).as(name).isEqualTo(entry.get("rendered").textValue());
      if (!Files.exists(folder.resolve("tokenizer.json"))) {
        continue;
      }
      try (var tokenizer = Tokenizer.load(folder)) {
        var ids = ids(entry.get("ids"));
        assertThat(tokenizer.encode(text, true)).as(name).isEqualTo(ids);
        if (entry.has("decoded_skip_special")) {
          // The vectors' own decoder drops the space that begins each segment; Hugging Face's keeps it.
          assertThat(tokenizer.decode(ids, true))
              .as(name)
              .satisfies(decoded ->
                  assertThat(decoded.replaceAll("\\s", ""))
                      .isEqualTo(entry.get("decoded_skip_special").textValue().replaceAll("\\s", "")));
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"phi-3-mini", "phi-3-medium", "phi-3-ortx", "phi-3-vision"})
  void spansCoverTheTextInOrder(String name) {
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/" + name))) {
      var text = "<|user|>\n日本 é😀x\u0000\t a  b<|end|>\n<|assistant|>\n  Hi there 🚀🚀<|end|>\n<|endoftext|>";
      var encoded = tokenizer.encodeWithSpans(text, false);
      var reached = 0;
      for (var i = 0; i < encoded.length(); i++) {
        assertThat(encoded.starts()[i]).isBetween(0, encoded.ends()[i]).isLessThanOrEqualTo(reached);
        reached = Math.max(reached, encoded.ends()[i]);
      }
      assertThat(reached).isEqualTo(text.length());
      var assistant = text.indexOf("Hi there");
      var first = indexOfToken(encoded, assistant);
      var last = indexOfToken(encoded, text.indexOf(" 🚀🚀"));
      assertThat(tokenizer.decode(Arrays.copyOfRange(encoded.ids(), first - 1, last), false).strip())
          .as("a token that begins with the space before the word")
          .endsWith("Hi there");
      assertThat(text.substring(encoded.starts()[encoded.length() - 1])).isEqualTo("<|endoftext|>");
    }
  }

  @Test
  void specialTokensAndTheirIds() {
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/phi-3-mini"))) {
      assertThat(tokenizer.bosId()).hasValue(1);
      assertThat(tokenizer.eosId()).hasValue(32000);
      assertThat(tokenizer.padId()).hasValue(32000);
      assertThat(tokenizer.unknownId()).hasValue(0);
      assertThat(tokenizer.vocabularySize()).isEqualTo(32011);
      assertThat(tokenizer.idOf("<|end|>")).hasValue(32007);
      assertThat(tokenizer.isSpecial(32007)).isTrue();
      assertThat(tokenizer.isSpecial(13)).isFalse();
      assertThat(tokenizer.encode("Hello", true)).as("mini adds no BOS").isEqualTo(new int[] {15043});
    }
  }

  @Test
  void aDamagedTokenizerIsRefused() {
    var folder = SharedFiles.require("data/tokenizer/llama2");
    assertThatThrownBy(() -> Tokenizer.load(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining("damaged");
  }

  @Test
  void theTinyRealModelsTokenizer() throws IOException {
    var folder = SharedFiles.require("data/weights/stories260K-phi3");
    var expected = JSON.readTree(folder.resolve("expected-greedy.json").toFile());
    try (var tokenizer = Tokenizer.load(folder)) {
      var ids = firstArray(expected);
      assertThat(stream(tokenizer, ids)).isEqualTo(tokenizer.decode(ids, true));
      assertThat(tokenizer.encode("Once upon", true)[0]).isEqualTo(1);
    }
  }

  @Test
  void streamingWaitsForWholeCharactersAndLosesNothing() {
    try (var tokenizer = Tokenizer.load(SharedFiles.require("data/tokenizer/phi-3-mini"))) {
      var text = "Zwölf 🚀 rockets\n\n  for 日本 – “naïve” 👩‍👩‍👧 \u0000 end ".repeat(20);
      var ids = tokenizer.encode(text, false);
      assertThat(stream(tokenizer, ids)).isEqualTo(text);
      var rocket = tokenizer.encode("🚀", false);
      var decoder = tokenizer.streamingDecoder(true);
      for (var id : rocket) {
        assertThat(decoder.next(id)).isEmpty();
      }
      assertThat(decoder.next(tokenizer.encode("a", false)[0])).isEqualTo("🚀 a");
      assertThat(decoder.finish()).isEmpty();
    }
  }

  private static String stream(Tokenizer tokenizer, int[] ids) {
    var decoder = tokenizer.streamingDecoder(true);
    var text = new StringBuilder();
    for (var id : ids) {
      text.append(decoder.next(id));
    }
    return text.append(decoder.finish()).toString();
  }

  private static int indexOfToken(EncodedText text, int start) {
    for (var i = 0; i < text.length(); i++) {
      if (text.starts()[i] >= start) {
        return i;
      }
    }
    throw new AssertionError("no token starts at or after " + start);
  }

  private static int[] firstArray(JsonNode node) {
    var found = new ArrayList<JsonNode>();
    node.forEach(child -> {
      if (child.isArray() && child.size() > 100) {
        found.add(child);
      }
    });
    return ids(found.getFirst());
  }

  private static int[] ids(JsonNode node) {
    var ids = new int[node.size()];
    for (var i = 0; i < ids.length; i++) {
      ids[i] = node.get(i).intValue();
    }
    return ids;
  }
}
