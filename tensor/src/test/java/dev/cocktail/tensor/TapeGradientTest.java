package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.testing.FiniteDifferences;
import dev.cocktail.tensor.testing.ReferenceDevice;
import dev.cocktail.tensor.testing.Values;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole compositions on the tape: gradients, recomputation, devices. */
class TapeGradientTest {
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void gradientsOfAllParametersAreThoseOfTheLoss(long seed) {
    try (var device = new ReferenceDevice();
        var model = new TinyTransformer(device, seed, true)) {
      model.losses(Tape::scoped);
      model.parameters.forEach((name, parameter) ->
          FiniteDifferences.check(
              name, model::loss, parameter.value(), Values.read(parameter.gradient()), new Random(seed)));
    }
  }

  @Test
  void recomputedEqualsStored() {
    try (var device = new ReferenceDevice();
        var stored = new TinyTransformer(device, 7, true);
        var recomputed = new TinyTransformer(device, 7, true)) {
      assertThat(recomputed.losses(Tape::checkpoint)).containsExactly(stored.losses(Tape::scoped));
      expectSameBits(recomputed.gradients(), stored.gradients());
    }
    try (var device = new CpuDevice(2);
        var stored = new TinyTransformer(device, 7, false);
        var recomputed = new TinyTransformer(device, 7, false)) {
      assertThat(recomputed.losses(Tape::checkpoint)).containsExactly(stored.losses(Tape::scoped));
      expectSameBits(recomputed.gradients(), stored.gradients());
    }
  }

  @Test
  void whatFrozenFactorsScaledInPlaceIsNotAskedForAgain() {
    try (var device = new CpuDevice(1);
        var arena = device.openArena("test");
        var tape = Tape.recording(device, arena)) {
      Variable factors = Variable.frozen(filled(device, arena, 2, 4));
      Variable w = Variable.frozen(filled(device, arena, 1, 4, 4));
      Variable x = Variable.frozen(filled(device, arena, 1, 3, 4));
      Tensor seed = filled(device, arena, 1, 3, 4);
      tape.keepGradient(x);
      // The scaled values are freed with the inner scope: gradients take their place.
      Variable out = tape.scoped(tape.scaleColumns(tape.linear(x, w), factors), y -> tape.linear(y, w));
      tape.seed(out, seed);
      tape.backward();
      assertThat(Values.read(x.gradient())).containsOnly(32);
    }
  }

  private static Tensor filled(Device device, TensorArena arena, double value, long... dims) {
    Tensor tensor = arena.allocate(DType.F32, dims);
    device.ops().fill(tensor, value);
    return tensor;
  }

  @Test
  void scopesChangeNothing() {
    try (var device = new ReferenceDevice();
        var scoped = new TinyTransformer(device, 7, true);
        var flat = new TinyTransformer(device, 7, true)) {
      assertThat(flat.losses((_, x, body) -> body.apply(x))).containsExactly(scoped.losses(Tape::scoped));
      expectSameBits(flat.gradients(), scoped.gradients());
    }
  }

  @Test
  void adaptersHaveTheSameGradientsWhenTheRestIsFrozen() {
    try (var device = new ReferenceDevice();
        var frozen = new TinyTransformer(device, 7, false);
        var all = new TinyTransformer(device, 7, true)) {
      assertThat(frozen.losses(Tape::checkpoint)).containsExactly(all.losses(Tape::scoped));
      Map<String, double[]> expected = all.gradients();
      expected.keySet().retainAll(frozen.gradients().keySet());
      assertThat(expected).hasSize(3 * TinyTransformer.LAYERS);
      expectSameBits(frozen.gradients(), expected);
    }
  }

  @Test
  void gradientsOfSeveralPassesAdd() {
    try (var device = new ReferenceDevice();
        var once = new TinyTransformer(device, 7, false);
        var twice = new TinyTransformer(device, 7, false)) {
      once.losses(Tape::scoped);
      twice.losses(Tape::scoped);
      twice.losses(Tape::scoped);
      Map<String, double[]> single = once.gradients();
      twice
          .gradients()
          .forEach((name, gradient) -> {
            for (int i = 0; i < gradient.length; i++) {
              assertThat(gradient[i]).as("%s[%d]", name, i).isEqualTo(2 * single.get(name)[i], within(1e-13));
            }
          });
    }
  }

  @Test
  void inferenceAndTrainingComputeTheSame() {
    try (var device = new CpuDevice(2);
        var model = new TinyTransformer(device, 7, false);
        var step = device.openArena("inference");
        var tape = Tape.inference(device, step)) {
      assertThat(model.losses(Tape::scoped)).containsExactly(model.read(model.forward(tape, Tape::scoped)));
    }
  }

  /** Errors relative to a gradient's norm: two layers of about ten operations whose sums have at most 16 terms. */
  @Test
  void theProcessorAgreesWithTheReference() {
    double tolerance = 0x1p-24 * 16 * 2 * 10;
    try (var device = new CpuDevice(2);
        var actual = new TinyTransformer(device, 7, true);
        var judge = new ReferenceDevice();
        var expected = new TinyTransformer(judge, 7, true)) {
      expectClose("losses", actual.losses(Tape::scoped), expected.losses(Tape::scoped), tolerance);
      Map<String, double[]> gradients = expected.gradients();
      actual.gradients().forEach((name, gradient) -> expectClose(name, gradient, gradients.get(name), tolerance));
    }
  }

  @Test
  void nothingIsReadBeforeItIsWritten() {
    double[] losses;
    Map<String, double[]> gradients;
    try (var device = new CpuDevice(1);
        var model = new TinyTransformer(device, 7, true)) {
      losses = model.losses(Tape::checkpoint);
      gradients = model.gradients();
    }
    System.setProperty("cocktail.poison", "true");
    try (var device = new CpuDevice(1);
        var model = new TinyTransformer(device, 7, true)) {
      assertThat(model.losses(Tape::checkpoint)).containsExactly(losses);
      expectSameBits(model.gradients(), gradients);
    } finally {
      System.clearProperty("cocktail.poison");
    }
  }

  private static void expectSameBits(Map<String, double[]> actual, Map<String, double[]> expected) {
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    actual.forEach((name, gradient) -> assertThat(gradient).as(name).containsExactly(expected.get(name)));
  }

  private static void expectClose(String what, double[] actual, double[] expected, double tolerance) {
    double error = 0;
    for (int i = 0; i < actual.length; i++) {
      error += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    }
    assertThat(Math.sqrt(error)).as(what).isLessThanOrEqualTo(tolerance * Math.sqrt(Values.dot(expected, expected)));
  }
}
