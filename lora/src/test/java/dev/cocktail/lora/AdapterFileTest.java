package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.lora.AdapterKey.Part;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.LinearModule;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterFileTest {
  private static final List<LinearModule> MODULES = Modules.of(2, 6, 5);
  private static final String MODULE = "model.layers.1.mlp.gate_up_proj";
  private static final String PREFIX = "base_model.model.";

  @TempDir Path folder;

  private static Tensor tensor(DType dtype, long... dims) {
    Shape shape = Shape.of(dims);
    Tensor tensor = Tensor.onHost(dtype, shape, Arena.ofAuto().allocate(shape.elements() * dtype.bytes(), 64));
    for (long i = 0; i < shape.elements(); i++) {
      tensor.set(i, i + 1);
    }
    return tensor;
  }

  private static Map<String, Tensor> good() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(PREFIX + MODULE + ".lora_A.weight", tensor(DType.F32, 3, 5));
    tensors.put(PREFIX + MODULE + ".lora_B.weight", tensor(DType.F32, 6, 3));
    return tensors;
  }

  private void write(Map<String, Tensor> tensors, String otherKeys) throws IOException {
    SafetensorsWriter.write(folder.resolve(AdapterFile.FILE), tensors, Map.of());
    Files.writeString(
        folder.resolve(AdapterConfig.FILE),
        "{\"peft_type\":\"LORA\",\"r\":3,\"target_modules\":[\"" + MODULE + "\"]" + otherKeys + "}");
  }

  private void assertRefused(String message) {
    assertThatThrownBy(() -> AdapterFile.open(folder, MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "base_model.model.%s.lora_A.weight",
        "base_model.model.%s.lora_A.default.weight",
        "%s.lora_A.weight",
        "%s.lora_A.my-adapter.weight"
      })
  void readsNamesAndTypesOfOtherTools(String form) throws IOException {
    for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16, DType.F64)) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(form.formatted(MODULE), tensor(dtype, 3, 5));
      tensors.put(form.formatted(MODULE).replace("lora_A", "lora_B"), tensor(dtype, 6, 3));
      write(tensors, "");
      try (var file = AdapterFile.open(folder, MODULES)) {
        assertThat(file.factors()).hasSize(1);
        var entry = file.factors().entrySet().iterator().next();
        assertThat(entry.getKey().name()).isEqualTo(MODULE);
        assertThat(entry.getValue().a().get(14)).isEqualTo(15);
        assertThat(entry.getValue().b().get(17)).isEqualTo(18);
        assertThat(entry.getValue().magnitude()).isNull();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".weight", ".default", ".default.weight"})
  void readsMagnitudesOfAllVersions(String end) throws IOException {
    Map<String, Tensor> tensors = good();
    tensors.put(PREFIX + MODULE + ".lora_magnitude_vector" + end, tensor(DType.F32, 6));
    write(tensors, ",\"use_dora\":true");
    try (var file = AdapterFile.open(folder, MODULES)) {
      assertThat(file.factors().values().iterator().next().magnitude().get(5)).isEqualTo(6);
    }
  }

  @Test
  void writesPeftsNames() {
    for (Part part : Part.values()) {
      AdapterKey key = new AdapterKey(MODULE, part);
      assertThat(AdapterKey.parse(key.written())).hasValue(key);
    }
    assertThat(new AdapterKey(MODULE, Part.MAGNITUDE).written()).isEqualTo(PREFIX + MODULE + ".lora_magnitude_vector");
    assertThat(AdapterKey.parse(PREFIX + MODULE + ".lora_B.bias")).isEmpty();
    assertThat(AdapterKey.parse("base_model.model.model.embed_tokens.lora_embedding_A")).isEmpty();
    assertThat(AdapterKey.parse("base_model.model.lm_head.weight")).isEmpty();
  }

  @Test
  void refusesModulesThatTheModelLacks() throws IOException {
    Map<String, Tensor> tensors = good();
    tensors.put(PREFIX + "model.layers.1.mlp.gate_proj.lora_A.weight", tensor(DType.F32, 3, 5));
    write(tensors, "");
    assertRefused(
        "tensor 'base_model.model.model.layers.1.mlp.gate_proj.lora_A.weight' belongs to the module"
            + " 'model.layers.1.mlp.gate_proj', which the model does not have; the nearest is"
            + " 'model.layers.1.mlp.gate_up_proj'");
  }

  @Test
  void refusesMissingAndSurplusTensors() throws IOException {
    Map<String, Tensor> tensors = good();
    tensors.remove(PREFIX + MODULE + ".lora_B.weight");
    write(tensors, "");
    assertRefused("tensor 'base_model.model." + MODULE + ".lora_B.weight' is missing");
    write(good(), ",\"use_dora\":true");
    assertRefused("tensor 'base_model.model." + MODULE + ".lora_magnitude_vector' is missing");
    tensors = good();
    tensors.put(PREFIX + MODULE + ".lora_magnitude_vector", tensor(DType.F32, 6));
    write(tensors, "");
    assertRefused("is DoRA's, but adapter_config.json does not say use_dora");
    tensors = good();
    tensors.put(PREFIX + "model.layers.0.mlp.gate_up_proj.lora_A.weight", tensor(DType.F32, 3, 5));
    write(tensors, "");
    assertRefused("belongs to a module that adapter_config.json does not target");
    tensors = good();
    tensors.put(PREFIX + "lm_head.weight", tensor(DType.F32, 1));
    write(tensors, "");
    assertRefused("tensor 'base_model.model.lm_head.weight' is no part of a LoRA adapter");
    tensors = good();
    tensors.put(PREFIX + MODULE + ".lora_A.default.weight", tensor(DType.F32, 3, 5));
    write(tensors, "");
    assertRefused("are the same part of one module");
    write(good(), ",\"exclude_modules\":[\"gate_up_proj\"]");
    assertRefused("does not target");
    write(Map.of(), ",\"exclude_modules\":[\"gate_up_proj\"]");
    assertRefused("match no module of the model; its linear modules are qkv_proj, o_proj, gate_up_proj, down_proj");
  }

  @Test
  void refusesWrongShapesTypesAndNumbers() throws IOException {
    String a = PREFIX + MODULE + ".lora_A.weight";
    Map<String, Tensor> tensors = good();
    tensors.put(a, tensor(DType.F32, 4, 5));
    write(tensors, "");
    assertRefused("tensor '" + a + "' has the shape [4, 5], expected [3, 5] for r = 3 on the model's 6 x 5 weight");
    tensors.put(a, tensor(DType.I32, 3, 5));
    write(tensors, "");
    assertRefused("is I32, expected floating-point numbers");
    Tensor bad = tensor(DType.F32, 3, 5);
    bad.set(7, Double.NaN);
    tensors.put(a, bad);
    write(tensors, "");
    assertRefused("tensor '" + a + "' holds NaN");
  }

  @Test
  void refusesFoldersThatAreNoAdapters() throws IOException {
    assertRefused("has no adapter_model.safetensors");
    Files.createFile(folder.resolve("config.json"));
    assertRefused("it is a model's folder");
    Files.createFile(folder.resolve("adapter_model.bin"));
    assertRefused("has adapter_model.bin, PyTorch's own format");
    assertThatThrownBy(() -> AdapterFile.open(folder.resolve("absent"), MODULES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("absent does not exist; an adapter is a folder with");
    Files.writeString(folder.resolve(AdapterFile.FILE), "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    assertRefused("adapter_config.json does not exist");
  }
}
