package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;

import dev.cocktail.tensor.DType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The fused cross-entropy. */
interface CrossEntropyContract extends ContractSetting {
  /** T, H, V. */
  int[][] SIZES = {
    {0, 16, 5},
    {1, 1, 1},
    {3, 7, 2},
    {5, 16, 17},
    {17, 33, 97},
    {2, 31, 257},
    {33, 17, 64},
    {9, 64, 1031},
    {3, 5, 4099},
    {2, 3, 8200}
  };

  @Test
  default void crossEntropy() {
    int turn = 0;
    for (int[] size : SIZES) {
      for (boolean wantsHidden : new boolean[] {false, true}) {
        for (boolean wantsW : new boolean[] {false, true}) {
          crossEntropy(size, wantsHidden, wantsW, WEIGHTS.get(turn++ % 3), 1, 0.3);
        }
      }
    }
  }

  @Test
  default void crossEntropyWithoutAnyTarget() {
    crossEntropy(new int[] {17, 5, 9}, true, true, DType.BF16, 1, 1);
  }

  @Test
  default void crossEntropyOfLargeLogitsDoesNotOverflow() {
    for (double power : new double[] {0x1p-20, 0x1p3, 0x1p10}) {
      crossEntropy(new int[] {17, 5, 9}, true, true, DType.F32, power, 0);
    }
  }

  private void crossEntropy(
      int[] size, boolean wantsHidden, boolean wantsW, DType dtype, double power, double shareWithoutTarget) {
    int t = size[0];
    int h = size[1];
    int v = size[2];
    try (Trial trial =
        trial(
            "crossEntropy "
                + t
                + "x"
                + h
                + "x"
                + v
                + " "
                + dtype
                + " dHidden "
                + wantsHidden
                + " dW "
                + wantsW
                + " times "
                + power)) {
      int[] target = new int[t];
      for (int i = 0; i < t; i++) {
        target[i] = trial.random().nextDouble() < shareWithoutTarget ? -100 + i % 100 : trial.random().nextInt(v);
      }
      Operand hidden = trial.activation(trial.normal(power, t, h), t, h);
      Operand w = trial.weight(dtype, v, h);
      Operand targets = trial.ints(target);
      Operand weights = trial.parameter(t);
      Operand losses = trial.parameterOut(t);
      Operand dHidden = wantsHidden ? trial.activationOut(t, h) : null;
      Operand dW = wantsW ? trial.parameter(v, h) : null;
      double[] dHiddenBound = new double[t * h];
      double[] dWBound = new double[v * h];
      double[] lossBound = new double[t];
      var tolerance = trial.tolerance();
      double u = tolerance.accumulator();
      // Products may round a weight that is finer than activations to their type.
      double finer = Tolerance.roundoff(dtype) < tolerance.activation() ? tolerance.activation() : 0;
      if (wantsW) {
        double[] before = dW.values();
        Arrays.setAll(dWBound, i -> tolerance.sum(t, abs(before[i]), tolerance.parameter()));
      }
      double[] x = hidden.values();
      double[] matrix = w.values();
      double[] weight = weights.values();
      for (int i = 0; i < t; i++) {
        if (target[i] < 0) {
          continue;
        }
        double[] logit = new double[v];
        double error = 0;
        double max = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < v; c++) {
          double mass = 0;
          for (int j = 0; j < h; j++) {
            logit[c] += matrix[c * h + j] * x[i * h + j];
            mass += abs(matrix[c * h + j] * x[i * h + j]);
          }
          // The product, and taking the largest logit or the logarithm of the sum off again.
          error = Math.max(error, tolerance.sum(h, mass, finer + 4 * u));
          max = Math.max(max, logit[c]);
        }
        double sum = 0;
        for (double z : logit) {
          sum += Math.exp(z - max);
        }
        lossBound[i] =
            2 * error
                + (v + 16) * u * (1 + Math.log(sum) + abs(max + Math.log(sum) - logit[target[i]]))
                + tolerance.tiny();
        for (int c = 0; c < v; c++) {
          double p = Math.exp(logit[c] - max) / sum;
          double g = abs(weight[i] * (p - (c == target[i] ? 1 : 0)));
          double relative = Math.min(1 / p, Math.expm1(2 * error)) + (v + 16) * u;
          // A device may store the gradient of the logits as activations.
          double gError =
              abs(weight[i]) * (p * relative + (c == target[i] ? 2 * u : 0))
                  + g * tolerance.activation()
                  + tolerance.tiny();
          for (int j = 0; j < h; j++) {
            double m = abs(matrix[c * h + j]);
            double n = abs(x[i * h + j]);
            dHiddenBound[i * h + j] +=
                gError * m + tolerance.sum(v, g * m, finer + tolerance.activation()) + tolerance.tiny();
            dWBound[c * h + j] += gError * n + tolerance.sum(t, g * n, tolerance.parameter()) + tolerance.tiny();
          }
        }
      }
      trial.run((ops, side) ->
          ops.crossEntropy(
              side.of(losses),
              side.of(dHidden),
              side.of(dW),
              side.of(hidden),
              side.of(w),
              side.of(targets),
              side.of(weights)));
      trial.check("losses", losses, i -> lossBound[i]);
      if (wantsHidden) {
        trial.check("dHidden", dHidden, i -> dHiddenBound[i]);
      }
      if (wantsW) {
        trial.check("dW", dW, i -> dWBound[i]);
      }
    }
  }
}
