package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.testing.ReferenceDevice;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Logits, hidden states, losses and gradients of the base model against another implementation's. */
class GoldenForwardTest {
  @TempDir static Path temporary;

  static Stream<String> cases() {
    return Stream.of(
        "bundled",
        "phi3_gqa_tiny",
        "phi3_mini_tiny",
        "phi35_longrope_tiny/short_len12",
        "phi35_longrope_tiny/long_len40");
  }

  private static Golden golden(String name) {
    if (name.equals("bundled")) {
      return Golden.bundled(temporary);
    }
    int slash = name.indexOf('/');
    return slash < 0 ? Golden.shared(name) : Golden.shared(name.substring(0, slash), name.substring(slash + 1));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void processorMatches(String name) {
    try (Device device = TestDevice.CPU.open()) {
      checkForward(golden(name), device);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void referenceDeviceMatches(String name) {
    try (Device device = TestDevice.REFERENCE.open()) {
      checkForward(golden(name), device);
    }
  }

  private static void checkForward(Golden golden, Device device) {
    PaddedInputs inputs = golden.inputs();
    Map<String, Tensor> expectedHidden = golden.tensors("hidden_base.safetensors");
    Map<String, Tensor> seen = new LinkedHashMap<>();
    try (Phi3Model model = Phi3Model.load(golden.model(), device);
        TensorArena arena = device.openArena("step");
        Tape tape = Tape.inference(device, arena)) {
      TokenBatch batch = TokenBatch.pack(model.config(), device, arena, inputs.sequences());
      Variable hidden =
          model.forward(tape, batch, LinearTransform.BASE, (name, value) -> seen.put(name, Golden.copy(value.value())));
      for (String name : expectedHidden.keySet()) {
        Golden.difference(inputs, seen.get(name), expectedHidden.get(name))
            .assertWithin(golden.name() + " " + name, Golden.LOGITS_L2, Golden.LOGITS_MAX);
      }
      Tensor logits = Golden.copy(model.logits(tape, hidden, null));
      Golden.difference(inputs, logits, golden.tensors("logits_base.safetensors").get("logits"))
          .assertWithin(golden.name() + " logits", Golden.LOGITS_L2, Golden.LOGITS_MAX);
      checkLosses(golden, batch, Golden.copy(model.loss(tape, hidden, batch)), device instanceof ReferenceDevice);
    }
  }

  private static void checkLosses(Golden golden, TokenBatch batch, Tensor losses, boolean exact) {
    double total = 0;
    for (int b = 0; b < batch.sequences().count(); b++) {
      double sum = 0;
      for (int t = batch.sequences().offset(b); t < batch.sequences().offset(b + 1); t++) {
        sum += losses.get(t);
      }
      var row = golden.json("expected.json").path("rows_base").path(b);
      assertThat(batch.members().get(b).targetCount()).isEqualTo(row.path("n_targets").intValue());
      assertThat(sum).isCloseTo(row.path("loss_sum").doubleValue(), within(Golden.LOSS * sum));
      total += sum;
    }
    double mean = total / batch.targetCount();
    double expected = golden.json("expected.json").path("loss_base").doubleValue();
    assertThat(mean).isCloseTo(expected, within(Golden.LOSS * expected));
    double expectedExact = golden.json("expected.json").path("loss_base_f64").doubleValue();
    assertThat(mean).isCloseTo(expectedExact, within((exact ? Golden.EXACT : Golden.LOSS) * expected));
  }

  @Test
  void referenceDeviceMatchesExactLogits() {
    Golden golden = Golden.shared("phi3_mini_tiny");
    PaddedInputs inputs = golden.inputs();
    try (Device device = TestDevice.REFERENCE.open();
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      Golden.difference(
              inputs,
              ModelRuns.logits(model, inputs.sequences()),
              golden.tensors("f64_logits.safetensors").get("logits_base"))
          .assertWithin("logits in double precision", Golden.EXACT, Golden.EXACT);
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void shardedBfloat16WeightsMatch(TestDevice kind) {
    Golden golden = Golden.shared("phi3_mini_tiny");
    PaddedInputs inputs = golden.inputs();
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(golden.model().resolve("model_bf16"), device)) {
      Golden.difference(
              inputs,
              ModelRuns.logits(model, inputs.sequences()),
              golden.tensors("logits_bf16weights_f32compute.safetensors").get("logits"))
          .assertWithin("logits of bf16 weights", Golden.LOGITS_L2, Golden.LOGITS_MAX);
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void longropeSwitchesForAllPositionsAtTheBoundary(TestDevice kind) {
    Golden golden = Golden.shared("phi35_longrope_tiny");
    Map<String, Tensor> expected = golden.tensors("boundary_logits.safetensors");
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.load(golden.model(), device)) {
      for (int length : new int[] {16, 17}) {
        int[] ids = Golden.ints(golden.json("boundary_inputs.json").path("input_ids_" + length).path(0));
        assertThat(ids).hasSize(length);
        Difference.of(ModelRuns.logits(model, List.of(TokenSequence.of(ids))), expected.get("logits_len" + length))
            .assertWithin("logits of " + length + " tokens", Golden.LOGITS_L2, Golden.LOGITS_MAX);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void fullGradientsMatch(TestDevice kind) {
    Golden golden = Golden.shared("phi3_mini_tiny");
    Map<String, Tensor> expected = golden.tensors("grads_full_base.safetensors");
    for (boolean recompute : new boolean[] {false, true}) {
      try (Device device = kind.open();
          Phi3Model model = Phi3Model.load(golden.model(), device);
          TensorArena parameters = device.openArena("parameters");
          TensorArena arena = device.openArena("step")) {
        Map<String, Variable> trainable = model.makeTrainable(List.of("all"), parameters);
        assertThat(trainable.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
        List<Variable> embeddings = new ArrayList<>();
        TokenBatch batch = TokenBatch.pack(model.config(), device, arena, golden.inputs().sequences());
        try (Tape tape = Tape.recording(device, arena)) {
          Variable hidden =
              model.forward(
                  tape,
                  batch,
                  LinearTransform.BASE,
                  (name, value) -> {
                    if (name.equals("inputs_embeds")) {
                      tape.keepGradient(value);
                      embeddings.add(value);
                    }
                  },
                  recompute);
          model.loss(tape, hidden, batch);
          tape.backward();
          trainable.forEach((name, parameter) ->
              Difference.of(parameter.gradient(), expected.get(name))
                  .assertWithin("gradient of " + name, Golden.GRADIENT_L2, Golden.LOGITS_MAX * 10));
          // The gradient of the embedding table gathers that of the embedded tokens.
          Tensor gathered = parameters.allocate(device.parameterType(), expected.get(WeightNames.EMBEDDING).shape());
          device.ops().fill(gathered, 0);
          device.ops().embeddingBackward(gathered, embeddings.getFirst().gradient(), batch.ids());
          Difference.of(gathered, expected.get(WeightNames.EMBEDDING))
              .assertWithin("gradient of the embedded tokens", Golden.GRADIENT_L2, Golden.LOGITS_MAX * 10);
        }
      }
    }
  }
}
