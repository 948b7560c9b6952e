package dev.cocktail.lora;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.lora.AdapterFile.Factors;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.transformer.testing.Difference;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MergedWeightTest {
  /**
   * The expected weights were computed in F32: some roundings of one part in 2^24 each, of values of the result's size.
   */
  private static final double SINGLE = 8 * 0x1p-24;

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"lora", "dora"})
  void oneModuleMatchesPeft(String kind) throws IOException {
    Path path = folder.resolve("o_proj.safetensors");
    try (var in = MergedWeightTest.class.getResourceAsStream("/golden/one_module/o_proj.safetensors")) {
      Files.copy(in, path);
    }
    try (var file = SafetensorsFile.open(path);
        Arena arena = Arena.ofShared()) {
      String magnitude = kind + ".lora_magnitude_vector";
      Factors factors =
          new Factors(
              file.tensor(kind + ".lora_A.weight"),
              file.tensor(kind + ".lora_B.weight"),
              file.contains(magnitude) ? file.tensor(magnitude) : null);
      Tensor out = HostRows.allocate(arena, DType.F32, Shape.of(96, 96));
      MergedWeight.compute(out, file.tensor("weight"), factors, 2);
      Difference.of(out, file.tensor(kind + ".merged")).assertWithin(kind, SINGLE, SINGLE);
      assertThat(Difference.of(file.tensor("weight"), file.tensor(kind + ".merged")).relativeL2()).isGreaterThan(0.05);
    }
  }

  @ParameterizedTest
  @CsvSource({"adapter, merged_lora_layer0", "adapter_dora, merged_dora_layer0"})
  void theFirstLayerMatchesPeft(String adapter, String expected) {
    Path reference = SharedFiles.require("reference/phi3_mini_tiny");
    try (var model = SafetensorsFile.open(reference.resolve("model.safetensors"));
        var merged = SafetensorsFile.open(reference.resolve(expected + ".safetensors"));
        var factors = SafetensorsFile.open(reference.resolve(adapter).resolve(AdapterFile.FILE));
        Arena arena = Arena.ofShared()) {
      assertThat(merged.names()).hasSize(4);
      for (String name : merged.names()) {
        String prefix = "base_model.model." + name.substring(0, name.length() - ".weight".length());
        String magnitude = prefix + ".lora_magnitude_vector";
        Tensor out = HostRows.allocate(arena, DType.F32, model.tensor(name).shape());
        MergedWeight.compute(
            out,
            model.tensor(name),
            new Factors(
                factors.tensor(prefix + ".lora_A.weight"),
                factors.tensor(prefix + ".lora_B.weight"),
                factors.contains(magnitude) ? factors.tensor(magnitude) : null),
            2);
        Difference.of(out, merged.tensor(name)).assertWithin(name, SINGLE, SINGLE);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F64", "BF16", "F16"})
  void everyTypeIsRoundedOnceToNearest(DType dtype) {
    Random random = new Random(3);
    int out = 71;
    int in = 37;
    int rank = 3;
    try (Arena arena = Arena.ofShared()) {
      Tensor w = random(arena, random, dtype, out, in);
      Tensor a = random(arena, random, DType.BF16, rank, in);
      Tensor b = random(arena, random, DType.F16, out, rank);
      Tensor merged = HostRows.allocate(arena, dtype, w.shape());
      MergedWeight.compute(merged, w, new Factors(a, b, null), 0.25);
      Tensor expected = HostRows.allocate(arena, dtype, Shape.of(1));
      for (int n = 0; n < out; n++) {
        for (int k = 0; k < in; k++) {
          // All products and sums are exact in double precision here, so the order does not matter.
          double sum = 0;
          for (int r = 0; r < rank; r++) {
            sum += b.get((long) n * rank + r) * a.get((long) r * in + k);
          }
          expected.set(0, w.get((long) n * in + k) + 0.25 * sum);
          assertThat(merged.get((long) n * in + k)).isEqualTo(expected.get(0));
        }
      }
    }
  }

  @Test
  void aZeroBLeavesTheWeightBitForBit() {
    Random random = new Random(4);
    try (Arena arena = Arena.ofShared()) {
      Tensor w = random(arena, random, DType.BF16, 5, 7);
      Tensor b = HostRows.allocate(arena, DType.F32, Shape.of(5, 2));
      Tensor merged = HostRows.allocate(arena, DType.BF16, w.shape());
      MergedWeight.compute(merged, w, new Factors(random(arena, random, DType.F32, 2, 7), b, null), 2);
      assertThat(merged.segment().mismatch(w.segment())).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F16, 65519, true",
    "F16, 65520, false",
    "BF16, 1e38, true",
    "BF16, 3.4e38, false",
    "F32, 3.4e38, true",
    "F32, 3.5e38, false",
    "F64, 1e300, true"
  })
  void numbersBeyondTheTypeAreNoticed(DType dtype, double change, boolean fits) {
    try (Arena arena = Arena.ofShared()) {
      Tensor w = HostRows.allocate(arena, dtype, Shape.of(2, 3));
      Tensor a = HostRows.allocate(arena, DType.F64, Shape.of(1, 3));
      Tensor b = HostRows.allocate(arena, DType.F64, Shape.of(2, 1));
      a.set(1, change);
      b.set(1, 1);
      Tensor merged = HostRows.allocate(arena, dtype, w.shape());
      assertThat(MergedWeight.compute(merged, w, new Factors(a, b, null), 1)).isEqualTo(fits);
      assertThat(Double.isFinite(merged.get(4))).isEqualTo(fits);
      Tensor magnitude = HostRows.allocate(arena, DType.F64, Shape.of(2));
      magnitude.set(0, 1);
      // A row of zeros has no direction that a magnitude could be given to.
      assertThat(MergedWeight.compute(merged, w, new Factors(a, b, magnitude), 1)).isFalse();
    }
  }

  private static Tensor random(Arena arena, Random random, DType dtype, long... dims) {
    Tensor tensor = HostRows.allocate(arena, dtype, Shape.of(dims));
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.set(i, random.nextGaussian());
    }
    return tensor;
  }
}
