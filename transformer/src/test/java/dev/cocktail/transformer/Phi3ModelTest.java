package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import dev.cocktail.transformer.testing.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opening, choosing trainable weights, saving. */
class Phi3ModelTest {
  @TempDir Path temporary;

  private Path bundled() {
    return Golden.bundled(temporary).model();
  }

  /** A folder with the bundled model's configuration and edited weights. */
  private Path withWeights(Consumer<Map<String, Tensor>> edit) throws IOException {
    Path target = temporary.resolve("edited");
    Files.createDirectories(target);
    Files.copy(bundled().resolve("config.json"), target.resolve("config.json"));
    Map<String, Tensor> weights = new LinkedHashMap<>();
    Golden.read(bundled().resolve("model.safetensors"))
        .forEach((name, tensor) -> weights.put(name, Tensor.ofFloats(tensor.shape(), tensor.toFloats())));
    edit.accept(weights);
    SafetensorsWriter.write(target.resolve("model.safetensors"), weights, Map.of());
    return target;
  }

  private static void refuses(Path folder, String... parts) {
    try (Device device = TestDevice.CPU.open()) {
      var refusal = assertThatThrownBy(() -> Phi3Model.load(folder, device)).isInstanceOf(InvalidInputException.class);
      for (String part : parts) {
        refusal.hasMessageContaining(part);
      }
    }
  }

  @Test
  void weightsAreUsedFromTheMapping() {
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.load(bundled(), device)) {
      assertThat(device.reservedBytes()).isZero();
      assertThat(model.weights()).hasSize(3 * 6 + 3);
      assertThat(model.ignoredTensors()).isEmpty();
      assertThat(model.folder()).contains(bundled());
      assertThat(model.linearModules())
          .extracting(LinearModule::name)
          .startsWith(
              "model.layers.0.self_attn.qkv_proj",
              "model.layers.0.self_attn.o_proj",
              "model.layers.0.mlp.gate_up_proj",
              "model.layers.0.mlp.down_proj",
              "model.layers.1.self_attn.qkv_proj");
      for (int i = 0; i < model.linearModules().size(); i++) {
        assertThat(model.linearModules().get(i).index()).isEqualTo(i);
      }
      assertThat(model.linearModules().getFirst().outFeatures()).isEqualTo((6 + 2 * 2) * 16);
    }
  }

  @Test
  void missingTensorIsNamed() throws IOException {
    refuses(
        withWeights(weights -> weights.remove("model.layers.1.mlp.down_proj.weight")),
        "edited",
        "model.layers.1.mlp.down_proj.weight",
        "[96, 256]");
  }

  @Test
  void wrongShapeIsNamed() throws IOException {
    refuses(
        withWeights(weights ->
            weights.compute("model.layers.0.self_attn.qkv_proj.weight", (name, tensor) -> tensor.reshape(96, 160))),
        "model.safetensors",
        "model.layers.0.self_attn.qkv_proj.weight",
        "F32[96, 160]",
        "[160, 96]");
  }

  @Test
  void wrongDtypeIsNamed() throws IOException {
    refuses(
        withWeights(weights -> weights.put("model.norm.weight", Tensor.ofInts(new int[96]))),
        "model.safetensors",
        "model.norm.weight",
        "I32[96]",
        "F32, BF16 or F16");
  }

  @Test
  void configurationOfAnotherModelIsNoticed() {
    Path folder =
        TinyModels.withConfig(bundled(), temporary.resolve("other"), config -> config.put("hidden_size", 192));
    refuses(folder, "model.embed_tokens.weight", "F32[512, 96]", "[512, 192]", "more such tensors");
  }

  @Test
  void emptyFolderIsRefused() throws IOException {
    Path folder = Files.createDirectories(temporary.resolve("empty"));
    refuses(folder, "config.json");
    Files.copy(bundled().resolve("config.json"), folder.resolve("config.json"));
    refuses(folder, "model.safetensors");
  }

  @Test
  void extraTensorsAreReportedAndIgnored() throws IOException {
    Path folder =
        withWeights(weights -> {
          weights.put("model.layers.0.self_attn.rotary_emb.inv_freq", Tensor.ofFloats(Shape.of(1), 1));
          weights.put("score.weight", Tensor.ofFloats(Shape.of(1), 1));
        });
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.load(folder, device)) {
      assertThat(model.ignoredTensors())
          .containsExactlyInAnyOrder("model.layers.0.self_attn.rotary_emb.inv_freq", "score.weight");
    }
  }

  @Test
  void selectorsChooseByNameEndAndPattern() {
    var names = WeightNames.shapes(Phi3Config.read(bundled())).keySet();
    assertThat(WeightSelector.select(names, List.of("all"))).containsExactlyElementsOf(names);
    assertThat(WeightSelector.select(names, List.of("model.norm.weight", "lm_head")))
        .containsExactly("model.norm.weight", "lm_head.weight");
    assertThat(WeightSelector.select(names, List.of("qkv_proj"))).hasSize(3);
    assertThat(WeightSelector.select(names, List.of("mlp.down_proj.weight", "down_proj"))).hasSize(3);
    assertThat(WeightSelector.select(names, List.of("model.layers.1.*"))).hasSize(6);
    assertThat(WeightSelector.select(names, List.of("*layernorm*"))).hasSize(6);
    assertThatThrownBy(() -> WeightSelector.select(names, List.of("norm", "gate_proj")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("gate_proj")
        .hasMessageContaining("gate_up_proj");
  }

  @Test
  void onlyChosenWeightsGetGradients() {
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.load(bundled(), device);
        TensorArena parameters = device.openArena("parameters")) {
      Map<String, Variable> trainable = model.makeTrainable(List.of("model.layers.1.mlp.*"), parameters);
      assertThat(trainable).hasSize(2);
      assertThat(model.parameters()).isEqualTo(trainable);
      assertThat(model.linearModules().get(6).weight())
          .isSameAs(trainable.get("model.layers.1.mlp.gate_up_proj.weight"));
      TokenSequence sequence = TokenSequence.supervised(new int[] {1, 2, 3, 4}, new int[] {1, 2, 3, 4});
      ModelRuns.lossAndGradients(model, List.of(sequence), LinearTransform.BASE, false);
      trainable.forEach((name, parameter) -> {
        double sum = 0;
        for (long i = 0; i < parameter.gradient().elements(); i++) {
          sum += Math.abs(parameter.gradient().get(i));
        }
        assertThat(sum).as(name).isPositive();
      });
    }
  }

  @Test
  void savedModelsReloadToTheSameNumbers() throws IOException {
    Files.writeString(bundled().resolve("tokenizer.json"), "{}");
    List<TokenSequence> sequences = List.of(TokenSequence.of(5, 6, 7));
    try (Device device = TestDevice.CPU.open();
        Phi3Model model = Phi3Model.load(bundled(), device);
        TensorArena parameters = device.openArena("parameters")) {
      Variable norm = model.makeTrainable(List.of("model.norm"), parameters).get("model.norm.weight");
      device.ops().scale(norm.value(), 1.5);
      Tensor expected = ModelRuns.logits(model, sequences);
      Path saved = temporary.resolve("saved");
      model.save(saved, DType.F32);
      assertThat(saved.resolve("tokenizer.json")).exists();
      try (Phi3Model again = Phi3Model.load(saved, device)) {
        assertThat(ModelRuns.logits(again, sequences).segment().mismatch(expected.segment())).isEqualTo(-1);
      }
      assertThatThrownBy(() -> model.save(saved, DType.F32))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("already holds a model");
      assertThatThrownBy(() -> model.save(bundled(), DType.F32)).isInstanceOf(InvalidInputException.class);
      Path narrow = temporary.resolve("narrow");
      model.save(narrow, DType.BF16);
      assertThat(Files.readString(narrow.resolve("config.json"))).contains("\"torch_dtype\" : \"bfloat16\"");
      try (Phi3Model again = Phi3Model.load(narrow, device)) {
        assertThat(again.weights().get("model.norm.weight").value().dtype()).isEqualTo(DType.BF16);
        assertThat(again.weights().get("model.norm.weight").value().get(3))
            .isEqualTo(DType.bf16ToFloat(DType.floatToBf16((float) norm.value().get(3))));
      }
    }
  }

  @Test
  void randomModelsAreDecidedByTheirSeed() {
    Phi3Config config = Phi3Config.read(bundled());
    try (Device device = TestDevice.CPU.open();
        Phi3Model first = Phi3Model.random(config, device, DType.BF16, 7);
        Phi3Model same = Phi3Model.random(config, device, DType.BF16, 7);
        Phi3Model other = Phi3Model.random(config, device, DType.BF16, 8)) {
      List<TokenSequence> sequences = List.of(TokenSequence.of(5, 6, 7));
      Tensor logits = ModelRuns.logits(first, sequences);
      assertThat(ModelRuns.logits(same, sequences).segment().mismatch(logits.segment())).isEqualTo(-1);
      assertThat(ModelRuns.logits(other, sequences).segment().mismatch(logits.segment())).isNotEqualTo(-1);
      Tensor weight = first.weights().get(WeightNames.qkv(2) + ".weight").value();
      double squares = 0;
      for (long i = 0; i < weight.elements(); i++) {
        squares += weight.get(i) * weight.get(i);
      }
      // The sample deviation of n normal numbers varies by std / sqrt(2 n).
      double std = Math.sqrt(squares / weight.elements());
      assertThat(Math.abs(std - 0.02)).isLessThan(5 * 0.02 / Math.sqrt(2.0 * weight.elements()));
    }
  }
}
