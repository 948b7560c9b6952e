package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.LinearModule;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TargetModulesTest {
  private static final List<LinearModule> MODULES = Modules.of(12, 2, 3);

  /** Layers 0, 1 and 11. */
  private static final List<LinearModule> SOME =
      IntStream.of(0, 1, 11).boxed().flatMap(layer -> MODULES.subList(4 * layer, 4 * layer + 4).stream()).toList();

  /**
   * Target, excluded, layers, pattern as JSON; then a 1 for each of {@link #SOME} that PEFT 0.21 adapts, a 0 for the
   * rest.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      textBlock =
          """
          ["qkv_proj"]                                          @ null                 @ null   @ null       @ 100010001000
          ["proj"]                                              @ null                 @ null   @ null       @ 000000000000
          ["self_attn.o_proj", "model.layers.1.mlp.down_proj"]  @ null                 @ null   @ null       @ 010001010100
          ".*\\\\.(o|down)_proj"                                @ null                 @ null   @ null       @ 010101010101
          "o_proj"                                              @ null                 @ null   @ null       @ 000000000000
          "model\\\\.layers\\\\.1\\\\..*"                       @ null                 @ null   @ null       @ 000011110000
          ["qkv_proj", "o_proj"]                                @ ["o_proj"]           @ null   @ null       @ 100010001000
          ["qkv_proj", "o_proj"]                                @ ".*layers\\\\.1\\\\..*" @ null @ null      @ 110000001100
          ["qkv_proj", "model.layers.0.mlp.down_proj"]          @ null                 @ [1,11] @ null       @ 000110001000
          ["down_proj"]                                         @ null                 @ 1      @ null       @ 000000010000
          ["down_proj"]                                         @ null                 @ [1]    @ ["layers"] @ 000000010000
          ["down_proj"]                                         @ null                 @ [1]    @ ["blocks"] @ 000000000000
          ["down_proj"]                                         @ null                 @ [1]    @ "h"        @ 000000000000
          "(?P<x>.*)\\\\.(?:self_attn|mlp)\\\\.(?:(?:qkv_proj|down_proj))" @ null      @ null   @ null       @ 100110011001
          "ALL-linear"                                          @ null                 @ null   @ null       @ 111111111111
          "all-linear"                                          @ ["mlp.down_proj"]    @ null   @ null       @ 111011101110
          """)
  void choosesWhatPeftChooses(String targets, String excluded, String layers, String pattern, String expected)
      throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode json = mapper.createObjectNode().put("peft_type", "LORA");
    Map<String, String> keys =
        Map.of(
            "target_modules",
            targets,
            "exclude_modules",
            excluded,
            "layers_to_transform",
            layers,
            "layers_pattern",
            pattern);
    for (var key : keys.entrySet()) {
      JsonNode value = mapper.readTree(key.getValue());
      json.set(key.getKey(), value);
    }
    TargetModules modules = AdapterConfig.fromJson(json, "here").targets();
    String found =
        SOME.stream().map(module -> modules.matches(module.name()) ? "1" : "0").collect(Collectors.joining());
    assertThat(found).isEqualTo(expected);
  }

  @Test
  void aTargetThatMatchesNothingIsRefusedWithTheNearestModule() {
    assertThatThrownBy(() -> TargetModules.named("qkv_proj", "gate_proj").select(MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("'gate_proj', which the model does not have; the nearest is 'gate_up_proj'")
        .hasMessageContaining("qkv_proj, o_proj, gate_up_proj, down_proj");
    assertThatThrownBy(() -> TargetModules.named("lm_head").select(MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("the output head cannot carry an adapter");
    assertThatThrownBy(() -> TargetModules.matching(".*q_proj").select(MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("target_modules '.*q_proj' match no module");
    assertThatThrownBy(() -> TargetModules.matching("(").select(MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("'(' is not a regular expression");
  }

  @Test
  void selectsInModelOrder() {
    assertThat(TargetModules.named("down_proj", "qkv_proj").select(MODULES))
        .hasSize(24)
        .extracting(LinearModule::index)
        .isSorted();
    assertThat(TargetModules.allLinear().select(MODULES)).isEqualTo(MODULES);
  }

  @Test
  void writtenNamesChooseTheSameModules() {
    assertThat(TargetModules.namesOf(MODULES, MODULES))
        .containsExactly("qkv_proj", "o_proj", "gate_up_proj", "down_proj");
    List<LinearModule> two = List.of(MODULES.get(1), MODULES.get(9));
    List<String> names = TargetModules.namesOf(two, MODULES);
    assertThat(TargetModules.named(names.toArray(String[]::new)).select(MODULES)).isEqualTo(two);
  }
}
