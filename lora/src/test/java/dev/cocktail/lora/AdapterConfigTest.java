package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.lora.AdapterConfig.Initialisation;
import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdapterConfigTest {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  @TempDir Path folder;

  private static AdapterConfig parse(String keys) throws IOException {
    ObjectNode json = (ObjectNode) MAPPER.readTree("{\"peft_type\":\"LORA\",\"target_modules\":[\"qkv_proj\"]}");
    json.setAll((ObjectNode) MAPPER.readTree("{" + keys.replace('\'', '"') + "}"));
    return AdapterConfig.fromJson(json, "here");
  }

  @Test
  void readsWhatPeftWrote() throws IOException {
    Path file = folder.resolve(AdapterConfig.FILE);
    try (var in = AdapterConfigTest.class.getResourceAsStream("/golden/phi3_gqa_tiny/adapter/adapter_config.json")) {
      Files.copy(in, file);
    }
    AdapterConfig config = AdapterConfig.read(folder);
    assertThat(config.rank()).isEqualTo(4);
    assertThat(config.alpha()).isEqualTo(8);
    assertThat(config.dropout()).isZero();
    assertThat(config.rankStabilised()).isFalse();
    assertThat(config.dora()).isFalse();
    assertThat(config.initialisation()).isEqualTo(Initialisation.UNIFORM);
    assertThat(config.targets().targets().names())
        .containsExactlyInAnyOrder("qkv_proj", "o_proj", "gate_up_proj", "down_proj");
    assertThat(config.scaleOf("model.layers.0.mlp.down_proj")).isEqualTo(2);

    // Written again, it is the same JSON but for the order of targets.
    JsonNode before = MAPPER.readTree(file.toFile());
    List<String> names = config.targets().targets().names();
    JsonNode after = MAPPER.readTree(AdapterConfigJson.format(config, names));
    assertThat(after).isEqualTo(before);
    assertThat(AdapterConfig.fromJson(after, "again")).isEqualTo(config);
  }

  @Test
  void everyFieldSurvivesWriting() throws IOException {
    AdapterConfig config =
        parse(
            "'r':3,'lora_alpha':7.5,'lora_dropout':0.1,'use_rslora':true,'use_dora':true,'rank_pattern':{'o_proj':5,'x':1},"
                + "'alpha_pattern':{'.*down_proj':0.5},'init_lora_weights':'gaussian','base_model_name_or_path':'m/x',"
                + "'peft_version':'0.21.0','new_number':3,'new_off':false");
    assertThat(AdapterConfig.fromJson(MAPPER.readTree(AdapterConfigJson.format(config, List.of("qkv_proj"))), "again"))
        .isEqualTo(config);
    assertThat(config.otherKeys()).containsOnlyKeys("peft_version", "new_number", "new_off");
  }

  @Test
  void patternsGiveRankAndAlpha() throws IOException {
    AdapterConfig config =
        parse(
            "'r':4,'lora_alpha':8,'rank_pattern':{'0.mlp.down_proj':2,'down_proj':16,'proj':9},"
                + "'alpha_pattern':{'^model.layers.1.mlp.down_proj':3}");
    assertThat(config.rankOf("model.layers.0.mlp.down_proj")).isEqualTo(2);
    assertThat(config.rankOf("model.layers.1.mlp.down_proj")).isEqualTo(16);
    assertThat(config.rankOf("model.layers.1.self_attn.o_proj")).isEqualTo(4);
    assertThat(config.scaleOf("model.layers.1.mlp.down_proj")).isEqualTo(3.0 / 16);
    assertThat(config.withRankStabilised(true).scaleOf("model.layers.1.mlp.down_proj")).isEqualTo(3.0 / 4);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          'peft_type':'IA3'                      | peft_type is "IA3"; only "LORA"
          'task_type':'SEQ_CLS'                  | task_type is "SEQ_CLS"; only "CAUSAL_LM"
          'bias':'all'                           | bias is "all"; only "none"
          'r':0                                  | r must be an integer of at least 1, is 0
          'r':2.5                                | r must be an integer, found 2.5
          'r':'8'                                | r must be an integer, found "8"
          'lora_alpha':'x'                       | lora_alpha must be a number, found "x"
          'lora_dropout':1                       | lora_dropout must be at least 0 and below 1, is 1.0
          'use_dora':'yes'                       | use_dora must be true or false, found "yes"
          'target_modules':[]                    | target_modules names no module
          'target_modules':null                  | target_modules names no module
          'target_modules':[1]                   | target_modules must be a string or a list of strings, found 1
          'target_modules':'('                   | is not a regular expression
          'target_modules':'x','layers_to_transform':[1] | layers_to_transform cannot be used
          'layers_pattern':['h']                 | layers_pattern needs layers_to_transform
          'modules_to_save':['lm_head']          | modules_to_save asks for modules trained whole
          'fan_in_fan_out':true                  | fan_in_fan_out asks for transposed weights
          'lora_bias':true                       | lora_bias asks for biases
          'layer_replication':[[0,4]]            | layer_replication asks for
          'trainable_token_indices':[1]          | trainable_token_indices asks for
          'target_parameters':['x']              | target_parameters asks for
          'alora_invocation_tokens':[1]          | alora_invocation_tokens asks for
          'use_qalora':true                      | use_qalora asks for
          'init_lora_weights':'pissa_niter_16'   | init_lora_weights is "pissa_niter_16", which changes the base weights
          'init_lora_weights':'olora'            | changes the base weights
          'rank_pattern':[1]                     | rank_pattern must be an object
          'rank_pattern':{'x':0}                 | rank_pattern 'x' must be an integer of at least 1
          'use_new_method':true                  | use_new_method is true, which this program does not know
          'new_config':{'a':1}                   | new_config is {"a":1}, which this program does not know
          """,
      quoteCharacter = '`')
  void refusesWhatItCannotCompute(String keys, String message) {
    assertThatThrownBy(() -> parse(keys))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("here: ")
        .hasMessageContaining(message);
  }

  @Test
  void refusesFilesThatAreNotThere() throws IOException {
    assertThatThrownBy(() -> AdapterConfig.read(folder)).hasMessageContaining("adapter_config.json does not exist");
    Files.writeString(folder.resolve(AdapterConfig.FILE), "{\"r\":1,\"r\":2}");
    assertThatThrownBy(() -> AdapterConfig.read(folder))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("Duplicate field 'r'");
    Files.writeString(folder.resolve(AdapterConfig.FILE), "[]");
    assertThatThrownBy(() -> AdapterConfig.read(folder)).hasMessageContaining("expected a JSON object");
  }
}
