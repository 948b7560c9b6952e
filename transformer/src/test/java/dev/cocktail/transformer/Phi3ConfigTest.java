package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.testing.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class Phi3ConfigTest {
  private static final String BASE =
      """
      {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "vocab_size": 100, "hidden_size": 32,
       "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4%s}\
      """;
  private static final String LONGROPE =
      ", \"max_position_embeddings\": 64, \"original_max_position_embeddings\": 16, "
          + "\"rope_scaling\": {\"type\": \"%s\", \"short_factor\": [1, 1, 1, 1.5], \"long_factor\": [1, 2, 3, 4]}";

  @TempDir Path temporary;

  private Phi3Config parse(String more) throws IOException {
    Path file = temporary.resolve("config.json");
    Files.writeString(file, BASE.formatted(more));
    return Phi3Config.read(file);
  }

  private void refuses(String more, String... parts) {
    var refusal =
        assertThatThrownBy(() -> parse(more))
            .isInstanceOf(InvalidInputException.class)
            .hasMessageContaining("config.json");
    for (String part : parts) {
      refusal.hasMessageContaining(part);
    }
  }

  @Test
  void defaultsAreThoseOfTheArchitecture() throws IOException {
    Phi3Config config = parse("");
    assertThat(config.kvHeads()).isEqualTo(4);
    assertThat(config.headDim()).isEqualTo(8);
    assertThat(config.maxPositions()).isEqualTo(4096);
    assertThat(config.rmsNormEpsilon()).isEqualTo(1e-5);
    assertThat(config.tiedEmbeddings()).isFalse();
    assertThat(config.slidingWindow()).isEmpty();
    assertThat(config.rope()).isEqualTo(RopeConfig.plain(8, 10000));
    assertThat(config.attentionShape())
        .isEqualTo(new AttentionShape(4, 4, 8, 1 / Math.sqrt(8), AttentionShape.NO_WINDOW));
    assertThat(config.bosId()).isEmpty();
    assertThat(config.eosIds()).isEmpty();
  }

  @Test
  void readsWhatIsGiven() throws IOException {
    Phi3Config config =
        parse(
            ", \"num_key_value_heads\": 2, \"head_dim\": 16, \"partial_rotary_factor\": 0.75, \"sliding_window\": 2047,"
                + " \"tie_word_embeddings\": true, \"rope_theta\": 250000, \"bos_token_id\": 1, \"eos_token_id\": [2,"
                + " 7], \"pad_token_id\": null, \"rope_scaling\": null");
    assertThat(config.kvHeads()).isEqualTo(2);
    assertThat(config.headDim()).isEqualTo(16);
    assertThat(config.rope()).isEqualTo(RopeConfig.plain(12, 250000));
    assertThat(config.slidingWindow()).isEqualTo(OptionalInt.of(2047));
    assertThat(config.tiedEmbeddings()).isTrue();
    assertThat(config.bosId()).isEqualTo(OptionalInt.of(1));
    assertThat(config.eosIds()).containsExactly(2, 7);
    assertThat(config.padId()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"longrope", "su"})
  void longropeInTheFirstSpelling(String type) throws IOException {
    RopeConfig rope = parse(LONGROPE.formatted(type)).rope();
    assertThat(rope.shortFactors()).containsExactly(1.0, 1.0, 1.0, 1.5);
    assertThat(rope.longFactors()).containsExactly(1.0, 2.0, 3.0, 4.0);
    assertThat(rope.originalMaxPositions()).isEqualTo(16);
    assertThat(rope.attentionFactor()).isCloseTo(Math.sqrt(1 + Math.log(4) / Math.log(16)), within(1e-15));
    assertThat(rope.usesLongFactors(16)).isFalse();
    assertThat(rope.usesLongFactors(17)).isTrue();
  }

  @Test
  void shorterContextsAreNotScaled() throws IOException {
    RopeConfig rope = parse(LONGROPE.formatted("longrope").replace("64", "16")).rope();
    assertThat(rope.attentionFactor()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"phi3_gqa_tiny", "phi3_mini_tiny", "phi35_longrope_tiny"})
  void bothSpellingsSayTheSame(String name) {
    Path folder = SharedFiles.require("reference/" + name);
    assertThat(Phi3Config.read(folder.resolve("config.v5.json"))).isEqualTo(Phi3Config.read(folder));
  }

  @Test
  void bundledSpellingsSayTheSame() {
    Path folder = Golden.bundled(temporary).model();
    assertThat(Phi3Config.read(folder.resolve("config.v5.json"))).isEqualTo(Phi3Config.read(folder));
  }

  @ParameterizedTest
  @CsvSource({
    "phi-3-mini-4k-instruct.config.json, 32, 32, 96, 96",
    "phi-3-medium-4k-instruct.config.json, 40, 10, 128, 128",
    "phi-3-vision-128k-instruct.text.config.json, 32, 32, 96, 96",
    "phi-3.5-mini-instruct.config.json, 32, 32, 96, 96",
    "phi-3.5-mini-instruct.executorch-mediatek.config.json, 32, 32, 96, 96",
    "phi-4.config.json, 40, 10, 128, 128",
    "phi-4-mini-instruct.config.json, 24, 8, 128, 96",
    "phi-4-mini-reasoning.config.json, 24, 8, 128, 96",
    "phi-4-mini-reasoning.executorch-mediatek.config.json, 24, 8, 128, 96",
    "xenova-tiny-random-Phi3ForCausalLM.config.json, 4, 4, 8, 8"
  })
  void realConfigurationsParse(String file, int heads, int kvHeads, int headDim, int rotaryDim) {
    Phi3Config config = Phi3Config.read(SharedFiles.require("data/configs/" + file));
    assertThat(config.heads()).isEqualTo(heads);
    assertThat(config.kvHeads()).isEqualTo(kvHeads);
    assertThat(config.headDim()).isEqualTo(headDim);
    assertThat(config.rope().rotaryDim()).isEqualTo(rotaryDim);
  }

  @Test
  void realCheckpointIndexHoldsWhatTheConfigurationAsksFor() throws IOException {
    Path folder = SharedFiles.require("data/phi3-checkpoint-index");
    Phi3Config config = Phi3Config.read(folder);
    String index = Files.readString(folder.resolve("model.safetensors.index.json"));
    long parameters = 0;
    for (var entry : WeightNames.shapes(config).entrySet()) {
      assertThat(index).contains("\"" + entry.getKey() + "\"");
      parameters += entry.getValue().elements();
    }
    assertThat(WeightNames.shapes(config)).hasSize(195);
    assertThat(parameters).isEqualTo(3_821_079_552L);
  }

  @Test
  void otherArchitecturesAreRefusedByName() {
    Path llama = SharedFiles.require("data/configs/arnir0-Tiny-LLM.config.json");
    assertThatThrownBy(() -> Phi3Config.read(llama))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("LlamaForCausalLM")
        .hasMessageContaining("Phi3ForCausalLM");
  }

  @Test
  void whatIsNoConfigurationIsRefused() throws IOException {
    assertThatThrownBy(() -> Phi3Config.read(temporary.resolve("absent")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("absent");
    assertThatThrownBy(() -> Phi3Config.read(temporary))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("config.json");
    Path file = temporary.resolve("config.json");
    for (String text : new String[] {"", "{", "[]", "3", "{\"model_type\": \"llama\"}", "{}"}) {
      Files.writeString(file, text);
      assertThatThrownBy(() -> Phi3Config.read(file))
          .as(text)
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("config.json");
    }
  }

  @Test
  void wrongValuesAreRefusedByKey() {
    refuses(", \"vocab_size\": -1", "vocab_size", "-1", "positive whole number");
    refuses(", \"hidden_size\": 32.5", "hidden_size", "32.5");
    refuses(", \"hidden_size\": \"32\"", "hidden_size");
    refuses(", \"num_key_value_heads\": 3", "num_key_value_heads", "divisor");
    refuses(", \"num_attention_heads\": 5", "num_attention_heads", "5");
    refuses(", \"attention_bias\": true", "attention_bias", "false");
    refuses(", \"mlp_bias\": true", "mlp_bias", "false");
    refuses(", \"hidden_act\": \"gelu\"", "hidden_act", "gelu", "silu");
    refuses(", \"quantization_config\": {\"bits\": 4}", "quantization_config", "unquantised");
    refuses(", \"partial_rotary_factor\": 0.4", "partial_rotary_factor", "even");
    refuses(", \"partial_rotary_factor\": 2", "partial_rotary_factor");
    refuses(", \"eos_token_id\": \"</s>\"", "eos_token_id", "token id");
    refuses(", \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}", "rope_scaling.type", "yarn", "longrope");
    refuses(", \"rope_parameters\": {\"rope_type\": \"llama3\"}", "rope_parameters.rope_type", "llama3", "supported");
    refuses(", \"rope_scaling\": 3", "rope_scaling", "object");
    refuses(
        LONGROPE.formatted("longrope").replace("[1, 2, 3, 4]", "[1, 2, 3]"),
        "rope_scaling.long_factor",
        "3 elements",
        "4 positive numbers");
    refuses(LONGROPE.formatted("longrope").replace("1.5]", "0]"), "rope_scaling.short_factor");
    refuses(LONGROPE.formatted("longrope").replace("short_factor", "shot_factor"), "rope_scaling.short_factor", "no '");
  }
}
