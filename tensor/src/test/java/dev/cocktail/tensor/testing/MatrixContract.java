package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;

import dev.cocktail.tensor.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Matrix products. */
interface MatrixContract extends ContractSetting {
  /** M, N, K: nothing, ones, around vectors and register tiles, long and thin, one past a block. */
  int[][] PRODUCTS = {
    {0, 5, 3},
    {3, 0, 5},
    {3, 5, 0},
    {1, 1, 1},
    {1, 17, 33},
    {2, 3, 5},
    {5, 1, 7},
    {7, 31, 1},
    {13, 15, 16},
    {16, 16, 16},
    {17, 33, 15},
    {31, 97, 17},
    {48, 64, 32},
    {49, 65, 33},
    {1, 257, 129},
    {97, 31, 131},
    {129, 8, 257},
    {4, 513, 64}
  };

  @Test
  default void gemm() {
    double[][] factors = {{1, 0}, {1, 1}, {0.5, -2}, {-1.5, 0}};
    int turn = 0;
    for (int[] size : PRODUCTS) {
      for (int transposes = 0; transposes < 4; transposes++) {
        double[] factor = factors[turn++ % factors.length];
        gemm(size, (transposes & 1) != 0, (transposes & 2) != 0, null, null, factor[0], factor[1], 1);
      }
    }
  }

  @Test
  default void gemmOfAllTypes() {
    List<List<DType>> pairs =
        List.of(
            List.of(DType.F32, DType.F32),
            List.of(DType.F32, DType.BF16),
            List.of(DType.BF16, DType.F32),
            List.of(DType.F32, DType.F16),
            List.of(DType.F16, DType.F32),
            List.of(DType.BF16, DType.BF16),
            List.of(DType.F16, DType.F16));
    for (List<DType> pair : pairs) {
      for (int transposes = 0; transposes < 4; transposes++) {
        for (int[] size : new int[][] {{1, 33, 31}, {19, 37, 41}, {33, 17, 65}}) {
          gemm(size, (transposes & 1) != 0, (transposes & 2) != 0, pair.get(0), pair.get(1), 1, transposes % 2, 1);
        }
      }
    }
  }

  @Test
  default void gemmScalesWithItsOperands() {
    for (double power : POWERS_OF_TWO) {
      gemm(new int[] {17, 19, 47}, false, true, DType.F32, DType.BF16, 1, 0, power);
      gemm(new int[] {17, 19, 47}, true, false, null, null, 0.25, 0, power);
    }
  }

  /** One product; a null dtype is the activation type, with which C is a parameter, else an activation. */
  private void gemm(
      int[] size,
      boolean transposeA,
      boolean transposeB,
      DType typeA,
      DType typeB,
      double alpha,
      double beta,
      double power) {
    int m = size[0];
    int n = size[1];
    int k = size[2];
    try (Trial trial =
        trial(
            "gemm "
                + m
                + "x"
                + n
                + "x"
                + k
                + " "
                + transposeA
                + " "
                + transposeB
                + " "
                + typeA
                + " "
                + typeB
                + " alpha "
                + alpha
                + " beta "
                + beta
                + " times "
                + power)) {
      long[] dimsA = transposeA ? new long[] {k, m} : new long[] {m, k};
      long[] dimsB = transposeB ? new long[] {n, k} : new long[] {k, n};
      Operand a = typeA == null ? trial.activation(trial.normal(power, dimsA), dimsA) : trial.weight(typeA, dimsA);
      Operand b = typeB == null ? trial.activation(trial.normal(power, dimsB), dimsB) : trial.weight(typeB, dimsB);
      boolean parameter = typeA == null;
      Operand c =
          parameter
              ? beta == 0 ? trial.parameterOut(m, n) : trial.parameter(m, n)
              : beta == 0 ? trial.activationOut(m, n) : trial.activation(m, n);
      double[] before = c.values();
      double[] x = a.values();
      double[] y = b.values();
      trial.run((ops, side) -> ops.gemm(side.of(c), alpha, side.of(a), transposeA, side.of(b), transposeB, beta));
      var tolerance = trial.tolerance();
      // Where one operand is wider than the other, a device may compute in the narrower of it and its activations.
      double operands = typeA != typeB ? 2 * tolerance.activation() : 0;
      double stored = operands + (parameter ? tolerance.parameter() : tolerance.activation());
      trial.check(
          "c",
          c,
          i -> {
            double mass = beta == 0 ? 0 : abs(beta * before[i]);
            for (int l = 0; l < k; l++) {
              int row = i / n;
              int column = i % n;
              mass +=
                  abs(
                      alpha
                          * x[transposeA ? l * m + row : row * k + l]
                          * y[transposeB ? column * k + l : l * n + column]);
            }
            return tolerance.sum(k, mass, stored);
          });
    }
  }

  @Test
  default void gemmKeepsNonFiniteNumbersInTheirRowsAndColumns() {
    try (Trial trial = trial("gemm of NaN")) {
      double[] left = trial.normal(1, 19, 33);
      double[] right = trial.normal(1, 35, 33);
      left[4 * 33 + 20] = Double.NaN;
      right[11 * 33 + 32] = Double.POSITIVE_INFINITY;
      Operand a = trial.activation(left, 19, 33);
      Operand b = trial.weight(DType.BF16, right, 35, 33);
      Operand c = trial.activationOut(19, 35);
      trial.run((ops, side) -> ops.gemm(side.of(c), 1, side.of(a), false, side.of(b), true, 0));
      var tolerance = trial.tolerance();
      double[] x = a.values();
      double[] y = b.values();
      trial.check(
          "c",
          c,
          i -> {
            double mass = 0;
            for (int l = 0; l < 33; l++) {
              mass += abs(x[i / 35 * 33 + l] * y[i % 35 * 33 + l]);
            }
            return tolerance.sum(33, mass, 3 * tolerance.activation());
          });
    }
  }

  @Test
  default void adaptedRowNorm() {
    for (DType dtype : WEIGHTS) {
      for (int[] size :
          new int[][] {
            {0, 3, 2}, {1, 1, 1}, {5, 33, 4}, {17, 16, 16}, {33, 97, 1}, {3, 31, 17}, {2, 3, 0}, {67, 260, 33}
          }) {
        for (double power : POWERS_OF_TWO) {
          int n = size[0];
          int k = size[1];
          int r = size[2];
          try (Trial trial = trial("adaptedRowNorm " + dtype + " " + n + "x" + k + " rank " + r + " times " + power)) {
            Operand w = trial.weight(dtype, n, k);
            Operand b = trial.parameter(trial.normal(power, n, r), n, r);
            Operand a = trial.parameter(r, k);
            Operand out = trial.parameterOut(n);
            trial.run((ops, side) -> ops.adaptedRowNorm(side.of(out), side.of(w), side.of(b), side.of(a), 2));
            double[] base = w.values();
            double[] left = b.values();
            double[] right = a.values();
            var tolerance = trial.tolerance();
            trial.check(
                "out",
                out,
                i -> {
                  // Elements err by a sum of r + 1 terms, and the norm by no more than the norm of those errors.
                  double squares = 0;
                  for (int j = 0; j < k; j++) {
                    double mass = abs(base[i * k + j]);
                    for (int l = 0; l < r; l++) {
                      mass += 2 * abs(left[i * r + l] * right[l * k + j]);
                    }
                    squares += mass * mass;
                  }
                  return tolerance.sum(r + k, Math.sqrt(squares), tolerance.parameter());
                });
          }
        }
      }
    }
  }
}
