package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.ModelRuns;
import dev.cocktail.transformer.testing.TestDevice;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What must not change the numbers: packing, splitting, recomputing, threads. */
class InvarianceTest {
  /** Sums of the same F32 products in another order, through a few layers: some ten roundings of 6e-8 each. */
  private static final double REORDERED = 2e-6;

  @TempDir Path temporary;

  /** Sequences of ugly lengths, some without targets, one of a single token. */
  private static List<TokenSequence> sequences(int vocabulary) {
    List<TokenSequence> sequences = new ArrayList<>();
    for (int length : new int[] {5, 17, 1, 31, 2}) {
      int[] ids = IntStream.range(0, length).map(t -> (t * t * 31 + 7 * length + 3) % vocabulary).toArray();
      int[] labels =
          IntStream.range(0, length).map(t -> t < length / 3 ? TokenSequence.IGNORED_LABEL : ids[t]).toArray();
      sequences.add(TokenSequence.supervised(ids, labels));
    }
    int count = sequences.stream().mapToInt(TokenSequence::targetCount).sum();
    return sequences.stream().map(sequence -> sequence.weighted(1.0 / count)).toList();
  }

  /** Grouped queries, partial rotation, longrope crossed by some of the sequences, a window, tied embeddings. */
  private static Phi3Config awkwardConfig() {
    var rope = new RopeConfig(6, 10000, List.of(1.0, 1.1, 1.3), List.of(1.5, 2.0, 4.0), 16, 1.19);
    return new Phi3Config(
        61,
        24,
        37,
        3,
        6,
        2,
        8,
        64,
        1e-5,
        rope,
        OptionalInt.of(13),
        true,
        OptionalInt.of(1),
        List.of(2),
        OptionalInt.empty());
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void packedEqualsUnpacked(TestDevice kind) {
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.random(awkwardConfig(), device, DType.F32, 3)) {
      List<TokenSequence> sequences = sequences(61);
      Tensor packed = ModelRuns.logits(model, sequences);
      long at = 0;
      for (TokenSequence sequence : sequences) {
        Difference.of(packed.rows(at, sequence.length()), ModelRuns.logits(model, List.of(sequence)))
            .assertWithin("logits of " + sequence.length() + " tokens", kind.tolerance(REORDERED), REORDERED * 10);
        at += sequence.length();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void anySplitIntoBatchesAgrees(TestDevice kind) {
    try (Device device = kind.open()) {
      List<TokenSequence> all = sequences(61);
      Gradients whole = gradients(device, List.of(all), false);
      Gradients halves = gradients(device, List.of(all.subList(0, 2), all.subList(2, 5)), false);
      Gradients singles = gradients(device, all.stream().map(List::of).toList(), false);
      for (Gradients other : List.of(halves, singles)) {
        assertThat(other.loss).isCloseTo(whole.loss, within(kind.tolerance(Golden.LOSS) * whole.loss));
        whole.byName.forEach((name, gradient) ->
            Difference.of(other.byName.get(name), gradient)
                .assertWithin("gradient of " + name, kind.tolerance(Golden.GRADIENT_L2), Golden.GRADIENT_L2 * 10));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void recomputedEqualsStoredBitForBit(TestDevice kind) {
    try (Device device = kind.open()) {
      assertSameBits(gradients(device, List.of(sequences(61)), true), gradients(device, List.of(sequences(61)), false));
    }
  }

  @Test
  void oneThreadEqualsManyBitForBit() {
    try (Device one = new CpuDevice(1);
        Device two = new CpuDevice(2);
        Device seven = new CpuDevice(7)) {
      Gradients expected = gradients(one, List.of(sequences(61)), false);
      assertSameBits(gradients(two, List.of(sequences(61)), false), expected);
      assertSameBits(gradients(seven, List.of(sequences(61)), false), expected);
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void tiedEmbeddingGathersGradientsFromBothEnds(TestDevice kind) {
    // d/de of the loss along one direction, by central differences, against the gradient's share of it.
    try (Device device = kind.open()) {
      Gradients gradients = gradients(device, List.of(sequences(61)), false);
      Function<Double, Double> lossAt = step -> lossWithEmbeddingShifted(device, gradients, step);
      double norm2 = 0;
      Tensor gradient = gradients.byName.get(WeightNames.EMBEDDING);
      for (long i = 0; i < gradient.elements(); i++) {
        norm2 += gradient.get(i) * gradient.get(i);
      }
      double h = 1e-3 / Math.sqrt(norm2);
      double slope = (lossAt.apply(h) - lossAt.apply(-h)) / (2 * h);
      // F32: losses near 4 carry 5e-7 of rounding, over a change of 2e-3 times the gradient's norm.
      double noise = kind == TestDevice.REFERENCE ? 1e-4 : 1e-6 / (2e-3 * Math.sqrt(norm2)) + 1e-3;
      assertThat(slope).isCloseTo(norm2, within(noise * norm2));
    }
  }

  private static double lossWithEmbeddingShifted(Device device, Gradients gradients, double step) {
    try (Phi3Model model = Phi3Model.random(awkwardConfig(), device, DType.F32, 3);
        TensorArena parameters = device.openArena("parameters")) {
      Variable embedding = model.makeTrainable(List.of("embed_tokens"), parameters).get(WeightNames.EMBEDDING);
      Tensor direction = gradients.byName.get(WeightNames.EMBEDDING);
      for (long i = 0; i < direction.elements(); i++) {
        embedding.value().set(i, embedding.value().get(i) + step * direction.get(i));
      }
      return ModelRuns.lossAndGradients(model, sequences(61), LinearTransform.BASE, false);
    }
  }

  private record Gradients(double loss, Map<String, Tensor> byName) {}

  private static Gradients gradients(Device device, List<List<TokenSequence>> batches, boolean recompute) {
    try (Phi3Model model = Phi3Model.random(awkwardConfig(), device, DType.F32, 3);
        TensorArena parameters = device.openArena("parameters")) {
      Map<String, Variable> trainable = model.makeTrainable(List.of("all"), parameters);
      double loss = 0;
      for (List<TokenSequence> batch : batches) {
        loss += ModelRuns.lossAndGradients(model, batch, LinearTransform.BASE, recompute);
      }
      Map<String, Tensor> copies = new LinkedHashMap<>();
      trainable.forEach((name, parameter) -> copies.put(name, Golden.copy(parameter.gradient())));
      return new Gradients(loss, copies);
    }
  }

  private static void assertSameBits(Gradients actual, Gradients expected) {
    assertThat(actual.loss).isEqualTo(expected.loss);
    expected.byName.forEach((name, gradient) ->
        assertThat(actual.byName.get(name).segment().mismatch(gradient.segment())).as(name).isEqualTo(-1));
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void emptyBatchesAndSequencesAreHarmless(TestDevice kind) {
    try (Device device = kind.open();
        Phi3Model model = Phi3Model.random(awkwardConfig(), device, DType.BF16, 3)) {
      assertThat(ModelRuns.logits(model, List.of()).elements()).isZero();
      Tensor with = ModelRuns.logits(model, List.of(TokenSequence.of(), TokenSequence.of(3, 4), TokenSequence.of()));
      Tensor without = ModelRuns.logits(model, List.of(TokenSequence.of(3, 4)));
      assertThat(with.segment().mismatch(without.segment())).isEqualTo(-1);
    }
  }
}
