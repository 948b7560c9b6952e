package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Logits, losses and gradients of adapters that PEFT made, against PEFT's own. */
class GoldenAdapterTest {
  @TempDir static Path temporary;

  static Stream<Arguments> cases() {
    return Stream.of(
            "bundled adapter lora",
            "phi3_gqa_tiny adapter lora",
            "phi3_mini_tiny adapter lora",
            "phi3_mini_tiny adapter_rslora rslora",
            "phi3_mini_tiny adapter_dora dora",
            "phi35_longrope_tiny/short_len12 adapter lora",
            "phi35_longrope_tiny/long_len40 adapter lora")
        .flatMap(name -> Stream.of(TestDevice.values()).map(device -> Arguments.of(name, device)));
  }

  private static Golden golden(String name) {
    if (name.equals("bundled")) {
      return AdapterSetting.bundled(temporary);
    }
    int slash = name.indexOf('/');
    return slash < 0 ? Golden.shared(name) : Golden.shared(name.substring(0, slash), name.substring(slash + 1));
  }

  @ParameterizedTest(name = "{0} on {1}")
  @MethodSource("cases")
  void logitsLossAndGradientsMatch(String name, TestDevice kind) {
    String[] parts = name.split(" ");
    String method = parts[2];
    try (AdapterSetting setting = AdapterSetting.open(kind, golden(parts[0]))) {
      Golden golden = setting.golden();
      PaddedInputs inputs = golden.inputs();
      LoraAdapter adapter = setting.load(golden.model().resolve(parts[1]), true);
      Tensor expected = golden.tensors("logits_" + method + ".safetensors").get("logits");
      for (var transform : new dev.cocktail.transformer.LinearTransform[] {adapter, adapter.inference()}) {
        Golden.difference(inputs, ModelRuns.logits(setting.model(), inputs.sequences(), transform), expected)
            .assertWithin(name + " logits", Golden.LOGITS_L2, Golden.LOGITS_MAX);
      }
      Map<String, Tensor> gradients = golden.tensors("grads_" + method + ".safetensors");
      double loss = loss(golden.json("expected.json"), method);
      for (boolean recompute : new boolean[] {false, true}) {
        AdapterSetting.clearGradients(setting, adapter);
        double found = ModelRuns.lossAndGradients(setting.model(), inputs.sequences(), adapter, recompute);
        assertThat(found).isCloseTo(loss, within(Golden.LOSS * loss));
        assertThat(gradients.keySet()).containsAll(adapter.parameters().keySet());
        adapter
            .parameters()
            .forEach((parameter, variable) ->
                Difference.of(variable.gradient(), gradients.get(parameter))
                    .assertWithin(name + " gradient of " + parameter, Golden.GRADIENT_L2, Golden.LOGITS_MAX * 10));
      }
    }
  }

  private static double loss(JsonNode expected, String method) {
    return method.equals("lora")
        ? expected.path("loss_lora").doubleValue()
        : expected.path("extras").path(method).path("loss").doubleValue();
  }
}
