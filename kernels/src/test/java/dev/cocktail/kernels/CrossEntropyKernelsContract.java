package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The fused cross-entropy in chunks of tokens, and on what is no number. */
abstract class CrossEntropyKernelsContract implements CudaSetting {
  private static final int T = 150;
  private static final int H = 6;
  private static final int V = 40;

  /** One problem and its results, in the device's memory. */
  private static final class Problem {
    private final CudaDevice device;
    private final Tensor hidden = Tensor.zerosOnHost(DType.F32, Shape.of(T, H));
    private final Tensor weights = Tensor.zerosOnHost(DType.F32, Shape.of(T));
    private final Tensor w = Tensor.zerosOnHost(DType.BF16, Shape.of(V, H));
    private final int[] targets;
    private final Tensor losses = Tensor.zerosOnHost(DType.F32, Shape.of(T));
    private final Tensor dHidden;
    private final Tensor dW = Tensor.zerosOnHost(DType.F32, Shape.of(V, H));

    Problem(CudaDevice device) {
      this.device = device;
      this.dHidden = Tensor.zerosOnHost(device.activationType(), Shape.of(T, H));
      var random = new Random(3);
      for (Tensor tensor : new Tensor[] {hidden, weights, w}) {
        for (long i = 0; i < tensor.elements(); i++) {
          tensor.set(i, random.nextGaussian());
        }
      }
      this.targets = random.ints(T, -5, V).toArray();
    }

    Problem solve(CrossEntropyKernels kernels) {
      try (TensorArena arena = device.openArena("cross-entropy")) {
        Tensor narrow = Tensor.zerosOnHost(device.activationType(), hidden.shape());
        for (long i = 0; i < hidden.elements(); i++) {
          narrow.set(i, hidden.get(i));
        }
        Tensor lossesThere = device.adopt(arena, losses);
        Tensor dHiddenThere = device.adopt(arena, dHidden);
        Tensor dWThere = device.adopt(arena, dW);
        kernels.crossEntropy(
            lossesThere,
            dHiddenThere,
            dWThere,
            device.adopt(arena, narrow),
            device.adopt(arena, w),
            device.adopt(arena, Tensor.ofInts(targets)),
            device.adopt(arena, weights));
        device.copyToHost(losses, lossesThere);
        device.copyToHost(dHidden, dHiddenThere);
        device.copyToHost(dW, dWThere);
        return this;
      }
    }
  }

  /** Scratch for one token, for less than the multiple that chunks have, for one such, for two. */
  @ParameterizedTest
  @CsvSource({"F32, 1", "F32, 2000", "F32, 12000", "F32, 23000", "BF16, 1", "BF16, 2000", "BF16, 20000", "BF16, 32000"})
  void chunksOfAnySizeAgree(DType activation, long scratchBytes) {
    try (CudaDevice device = open(activation)) {
      CudaContext context = device.context();
      var whole = new Problem(device).solve(new CrossEntropyKernels(context));
      var parts = new Problem(device).solve(new CrossEntropyKernels(context, scratchBytes));
      for (int t = 0; t < T; t++) {
        // A library may sum in another order where there are other rows: two sums of H products, and what the
        // logarithm and the sum over the vocabulary make of them.
        double logits = 0;
        for (int v = 0; v < V; v++) {
          double mass = 0;
          for (int h = 0; h < H; h++) {
            mass += Math.abs(whole.w.get((long) v * H + h) * whole.hidden.get((long) t * H + h));
          }
          logits = Math.max(logits, mass);
        }
        double error = 2 * ((H + 8) * logits + V + 16) * 0x1p-24;
        assertThat(parts.losses.get(t)).as("loss %d", t).isCloseTo(whole.losses.get(t), within(2 * error));
        assertThat(whole.losses.get(t) == 0).as("loss %d is none", t).isEqualTo(whole.targets[t] < 0);
        // Gradients of logits have magnitudes of at most 2 in all, times the token's weight.
        double units = 2 * error + V * 0x1p-24 + (activation == DType.BF16 ? 0x1p-6 : 0);
        for (int h = 0; h < H; h++) {
          double largest = 0;
          for (int v = 0; v < V; v++) {
            largest = Math.max(largest, Math.abs(whole.w.get((long) v * H + h)));
          }
          long i = (long) t * H + h;
          double mass = 2 * Math.abs(whole.weights.get(t)) * largest;
          assertThat(parts.dHidden.get(i)).as("dHidden[%d]", i).isCloseTo(whole.dHidden.get(i), within(units * mass));
        }
      }
      for (int i = 0; i < V * H; i++) {
        // Two sums of T products in F32; a logit's gradient is at most the token's weight, and rounded.
        double units = 2 * (T + 64) * 0x1p-24 + (activation == DType.BF16 ? 0x1p-6 : 0);
        double mass = 0;
        for (int t = 0; t < T; t++) {
          mass += Math.abs(whole.weights.get(t) * whole.hidden.get((long) t * H + i % H));
        }
        assertThat(parts.dW.get(i)).as("dW[%d]", i).isCloseTo(whole.dW.get(i), within(units * mass));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void whatIsNoNumberShowsInItsOwnToken(DType activation) {
    try (CudaDevice device = open(activation)) {
      var problem = new Problem(device);
      problem.targets[7] = V; // No entry of the vocabulary.
      problem.targets[8] = 3;
      problem.hidden.set(8L * H + 2, Double.NaN);
      problem.targets[9] = -1;
      problem.hidden.set(9L * H, Double.NaN);
      problem.targets[10] = 5;
      problem.weights.set(10, 0);
      problem.solve(new CrossEntropyKernels(device.context()));
      for (int t = 0; t < T; t++) {
        boolean broken = t == 7 || t == 8;
        assertThat(Double.isNaN(problem.losses.get(t))).as("loss %d is no number", t).isEqualTo(broken);
        for (int h = 0; h < H; h++) {
          double gradient = problem.dHidden.get((long) t * H + h);
          assertThat(Double.isNaN(gradient)).as("dHidden[%d,%d] is no number", t, h).isEqualTo(broken);
          if (t == 10 || problem.targets[t] < 0) {
            assertThat(gradient).as("dHidden[%d,%d]", t, h).isZero();
          }
        }
      }
    }
  }
}
