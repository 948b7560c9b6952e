package dev.cocktail.transformer.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.Phi3Config;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * One case of the reference numbers: a tiny model, a batch, and what another implementation computed from them.
 *
 * @param name for messages
 * @param model the folder with the model and its adapters
 * @param batch the folder with inputs and expected numbers; the model's own, or one inside it
 */
public record Golden(String name, Path model, Path batch) {
  /** The tolerances that a correct F32 implementation meets, as the reference states them. */
  public static final double LOGITS_L2 = 1e-5;

  public static final double LOGITS_MAX = 3e-5;
  public static final double LOSS = 2e-6;
  public static final double GRADIENT_L2 = 3e-5;

  /** In double precision nothing but the order of sums differs. */
  public static final double EXACT = 1e-10;

  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final List<String> BUNDLED =
      List.of(
          "config.json",
          "config.v5.json",
          "model.safetensors",
          "inputs.json",
          "logits_base.safetensors",
          "hidden_base.safetensors",
          "expected.json",
          "generation.json");

  /** A case in the shared folder, such as {@code phi3_mini_tiny}; skips the test where it is absent. */
  public static Golden shared(String caseName) {
    Path folder = SharedFiles.require("reference/" + caseName);
    return new Golden(caseName, folder, folder);
  }

  /** A case in the shared folder with its numbers in a subfolder, such as {@code long_len40}. */
  public static Golden shared(String caseName, String batchName) {
    Path folder = SharedFiles.require("reference/" + caseName);
    return new Golden(caseName + "/" + batchName, folder, folder.resolve(batchName));
  }

  /** The base-model numbers of {@code phi3_gqa_tiny}, which travel with the tests; unpacked into a temporary folder. */
  public static Golden bundled(Path temporary) {
    Path folder = temporary.resolve("phi3_gqa_tiny");
    try {
      Files.createDirectories(folder);
      for (String file : BUNDLED) {
        if (!Files.exists(folder.resolve(file))) {
          try (InputStream in = Golden.class.getResourceAsStream("/golden/phi3_gqa_tiny/" + file)) {
            Files.copy(in, folder.resolve(file));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Golden("phi3_gqa_tiny (bundled)", folder, folder);
  }

  /** The model's configuration. */
  public Phi3Config config() {
    return Phi3Config.read(model);
  }

  /** The batch. */
  public PaddedInputs inputs() {
    return PaddedInputs.read(batch.resolve("inputs.json"), config());
  }

  /** A JSON file of the batch's folder. */
  public JsonNode json(String file) {
    try {
      return MAPPER.readTree(Files.readAllBytes(batch.resolve(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A list of numbers in JSON. */
  public static int[] ints(JsonNode list) {
    return IntStream.range(0, list.size()).map(i -> list.get(i).intValue()).toArray();
  }

  /** Copies of all tensors of a file of the batch's folder, as F64. */
  public Map<String, Tensor> tensors(String file) {
    return read(batch.resolve(file));
  }

  /** Copies of all tensors of a safetensors file, as F64 that the garbage collector owns. */
  public static Map<String, Tensor> read(Path file) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (SafetensorsFile source = SafetensorsFile.open(file)) {
      for (String name : source.names()) {
        tensors.put(name, copy(source.tensor(name)));
      }
    }
    return tensors;
  }

  /** A copy of a host tensor as F64 that the garbage collector owns. */
  public static Tensor copy(Tensor tensor) {
    Shape shape = tensor.shape();
    Tensor copy = Tensor.onHost(DType.F64, shape, Arena.ofAuto().allocate(shape.elements() * 8, 64));
    for (long i = 0; i < shape.elements(); i++) {
      copy.set(i, tensor.get(i));
    }
    return copy;
  }

  /** Difference of a packed [T,C] result from a padded [B,S,C] expectation, where the mask is set. */
  public static Difference difference(PaddedInputs inputs, Tensor packed, Tensor expected) {
    long channels = packed.dim(1);
    Tensor padded = inputs.unpack(packed);
    int width = inputs.width();
    return Difference.of(
        padded,
        expected,
        i -> {
          long token = i / channels;
          return inputs.mask()[(int) (token / width)][(int) (token % width)];
        });
  }
}
