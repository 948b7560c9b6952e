package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;

import dev.cocktail.tensor.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Operations that work row by row: tables, norms, the gated unit. */
interface RowContract extends ContractSetting {
  int[] TOKENS = {0, 1, 2, 5, 17, 33};
  int[] WIDTHS = {1, 15, 16, 17, 33, 97, 130};

  /** Rows that take several warps of a GPU, and more than fits their registers, moved in packs and one by one. */
  int[] WIDE = {1025, 1032, 2051, 4100, 8196, 16_400};

  @Test
  default void embedding() {
    for (DType dtype : WEIGHTS) {
      for (int t : TOKENS) {
        for (int h : WIDTHS) {
          try (Trial trial = trial("embedding " + dtype + " " + t + "x" + h)) {
            Operand weight = trial.weight(dtype, 7, h);
            Operand ids = trial.ints(trial.random().ints(t, 0, 7).toArray());
            Operand out = trial.activationOut(t, h);
            trial.run((ops, side) -> ops.embedding(side.of(out), side.of(weight), side.of(ids)));
            trial.checkRelative("out", out, magnitude -> trial.tolerance().activation() * magnitude);
          }
        }
      }
    }
  }

  @Test
  default void embeddingBackward() {
    for (int t : TOKENS) {
      for (int h : WIDTHS) {
        try (Trial trial = trial("embeddingBackward " + t + "x" + h)) {
          Operand dWeight = trial.parameter(5, h);
          Operand dOut = trial.activation(t, h);
          int[] id = trial.random().ints(t, 0, 5).toArray();
          Operand ids = trial.ints(id);
          double[] mass = dWeight.values();
          double[] dY = dOut.values();
          for (int i = 0; i < mass.length; i++) {
            mass[i] = abs(mass[i]);
          }
          for (int i = 0; i < dY.length; i++) {
            mass[id[i / h] * h + i % h] += abs(dY[i]);
          }
          trial.run((ops, side) -> ops.embeddingBackward(side.of(dWeight), side.of(dOut), side.of(ids)));
          // Each addition is stored on its own.
          double stored = (t + 1) * trial.tolerance().parameter();
          trial.check("dWeight", dWeight, i -> trial.tolerance().sum(t, mass[i], stored));
        }
      }
    }
  }

  @Test
  default void gatherRows() {
    for (int t : TOKENS) {
      for (int h : WIDTHS) {
        try (Trial trial = trial("gatherRows " + t + "x" + h)) {
          Operand in = trial.activation(6, h);
          Operand rows = trial.ints(trial.random().ints(t, 0, 6).toArray());
          Operand out = trial.activationOut(t, h);
          trial.run((ops, side) -> ops.gatherRows(side.of(out), side.of(in), side.of(rows)));
          trial.checkExact("out", out);
        }
      }
    }
  }

  @Test
  default void rmsNorm() {
    for (int t : TOKENS) {
      for (int h : WIDTHS) {
        for (String way : List.of("alone", "apart", "over x", "over residual")) {
          for (double power : POWERS_OF_TWO) {
            rmsNorm(t, h, way, power, WEIGHTS.get((t + h) % 3));
          }
        }
      }
    }
    for (int h : WIDE) {
      for (String way : List.of("alone", "over residual")) {
        rmsNorm(3, h, way, 1, DType.BF16);
      }
      if (h < 2000) {
        rmsNorm(3, h, "over residual", 1, DType.F32);
        rmsNorm(3, h, "over residual", 1, DType.F16);
      }
    }
  }

  private void rmsNorm(int t, int h, String way, double power, DType dtype) {
    try (Trial trial = trial("rmsNorm " + t + "x" + h + " " + way + " times " + power + " " + dtype)) {
      Operand x = trial.activation(trial.normal(power, t, h), t, h);
      Operand residual = way.equals("alone") ? null : trial.activation(trial.normal(power, t, h), t, h);
      Operand sum =
          switch (way) {
            case "alone" -> null;
            case "over x" -> x;
            case "over residual" -> residual;
            default -> trial.activationOut(t, h);
          };
      Operand weight = trial.weight(dtype, h);
      Operand rstd = trial.parameterOut(t);
      Operand out = trial.activationOut(t, h);
      trial.run((ops, side) ->
          ops.rmsNorm(side.of(out), side.of(rstd), side.of(sum), side.of(x), side.of(residual), side.of(weight), 1e-5));
      var tolerance = trial.tolerance();
      // Sums of squares have no cancellation, so all errors are relative; the stored sum may be what is normalised.
      if (sum != null) {
        trial.checkRelative("sum", sum, magnitude -> tolerance.activation(magnitude));
      }
      trial.checkRelative(
          "rstd", rstd, magnitude -> tolerance.sum(h, magnitude, tolerance.parameter() + tolerance.activation()));
      trial.checkRelative("out", out, magnitude -> tolerance.sum(h, magnitude, 3 * tolerance.activation()));
    }
  }

  @Test
  default void rmsNormBackward() {
    for (int t : TOKENS) {
      for (int h : WIDTHS) {
        for (String way : List.of("write", "add", "over dOut", "no dX", "no dWeight")) {
          rmsNormBackward(t, h, way, 1, WEIGHTS.get((t + h) % 3));
        }
      }
    }
    for (double power : POWERS_OF_TWO) {
      rmsNormBackward(5, 33, "write", power, DType.BF16);
    }
    for (int h : WIDE) {
      for (String way : List.of("write", "add", "over dOut", "no dX")) {
        rmsNormBackward(11, h, way, 1, DType.BF16);
      }
      if (h < 2000) {
        rmsNormBackward(11, h, "write", 1, DType.F32);
        rmsNormBackward(11, h, "write", 1, DType.F16);
      }
    }
  }

  private void rmsNormBackward(int t, int h, String way, double power, DType dtype) {
    try (Trial trial = trial("rmsNormBackward " + t + "x" + h + " " + way + " times " + power)) {
      boolean accumulate = way.equals("add");
      Operand dOut = trial.activation(t, h);
      Operand x = trial.activation(trial.normal(power, t, h), t, h);
      Operand weight = trial.weight(dtype, h);
      double[] values = x.values();
      double[] inverse = new double[t];
      for (int i = 0; i < t; i++) {
        for (int j = 0; j < h; j++) {
          inverse[i] += values[i * h + j] * values[i * h + j] / h;
        }
        inverse[i] = 1 / Math.sqrt(inverse[i] + 1e-5);
      }
      Operand rstd = trial.parameter(inverse, t);
      Operand dX =
          switch (way) {
            case "add" -> trial.activation(t, h);
            case "over dOut" -> dOut;
            case "no dX" -> null;
            default -> trial.activationOut(t, h);
          };
      Operand dWeight = way.equals("no dWeight") ? null : trial.parameter(h);
      double[] before = accumulate ? dX.values() : new double[t * h];
      double[] mass = new double[t * h];
      double[] weightMass = dWeight == null ? new double[h] : dWeight.values();
      double[] dY = dOut.values();
      double[] gain = weight.values();
      for (int j = 0; j < h; j++) {
        weightMass[j] = abs(weightMass[j]);
      }
      for (int i = 0; i < t; i++) {
        double mean = 0;
        for (int j = 0; j < h; j++) {
          double n = abs(values[i * h + j] * inverse[i]);
          mean += abs(dY[i * h + j] * gain[j]) * n / h;
          weightMass[j] += abs(dY[i * h + j]) * n;
        }
        for (int j = 0; j < h; j++) {
          double n = abs(values[i * h + j] * inverse[i]);
          mass[i * h + j] = abs(before[i * h + j]) + inverse[i] * (abs(dY[i * h + j] * gain[j]) + n * mean);
        }
      }
      trial.run((ops, side) ->
          ops.rmsNormBackward(
              side.of(dX), accumulate, side.of(dWeight), side.of(dOut), side.of(x), side.of(weight), side.of(rstd)));
      var tolerance = trial.tolerance();
      if (dX != null) {
        trial.check("dX", dX, i -> tolerance.sum(h + 4L, mass[i], tolerance.activation()));
      }
      if (dWeight != null) {
        trial.check("dWeight", dWeight, i -> tolerance.sum(t + 4L, weightMass[i], tolerance.parameter()));
      }
    }
  }

  @Test
  default void rmsNormKeepsNonFiniteNumbersInTheirRows() {
    try (Trial trial = trial("rmsNorm of NaN")) {
      double[] values = trial.normal(1, 5, 33);
      values[33 + 32] = Double.NaN;
      Operand x = trial.activation(values, 5, 33);
      Operand weight = trial.weight(DType.BF16, 33);
      Operand rstd = trial.parameterOut(5);
      Operand out = trial.activationOut(5, 33);
      trial.run((ops, side) -> ops.rmsNorm(side.of(out), side.of(rstd), null, side.of(x), null, side.of(weight), 1e-5));
      var tolerance = trial.tolerance();
      trial.checkRelative("out", out, magnitude -> tolerance.sum(33, magnitude, 3 * tolerance.activation()));
    }
  }

  @Test
  default void swiglu() {
    for (int t : TOKENS) {
      for (int n : WIDTHS) {
        for (double power : new double[] {1, 0x1p-20, 0x1p6}) {
          try (Trial trial = trial("swiglu " + t + "x" + n + " times " + power)) {
            Operand gateUp = trial.activation(trial.normal(power, t, 2 * n), t, 2 * n);
            Operand out = trial.activationOut(t, n);
            trial.run((ops, side) -> ops.swiglu(side.of(out), side.of(gateUp)));
            double[] x = gateUp.values();
            double[] expected = out.values();
            trial.check("out", out, i -> swigluBound(trial, expected[i], gate(x, i, n), up(x, i, n)));
          }
        }
      }
    }
  }

  private static double gate(double[] gateUp, int i, int n) {
    return gateUp[i / n * 2 * n + i % n];
  }

  private static double up(double[] gateUp, int i, int n) {
    return gateUp[i / n * 2 * n + n + i % n];
  }

  /** Sixteen roundings, and for strongly negative gates what is lost when the exponential overflows. */
  private static double swigluBound(Trial trial, double magnitude, double gate, double up) {
    var tolerance = trial.tolerance();
    return tolerance.sum(12, abs(magnitude), tolerance.activation()) + tolerance.tiny() * 256 * (1 + abs(gate * up));
  }

  @Test
  default void swigluOfExtremes() {
    double[] gates = {-1e30, -1000, -104, -89, -88, -87, -20, -0.0, 0, 20, 87, 88, 89, 104, 1000, 1e30};
    int n = gates.length;
    try (Trial trial = trial("swiglu of extremes")) {
      double[] values = new double[2 * n];
      for (int i = 0; i < n; i++) {
        values[i] = gates[i];
        values[n + i] = i % 2 == 0 ? 1.5 : -3;
      }
      Operand gateUp = trial.activation(values, 1, 2 * n);
      Operand dOut = trial.activation(1, n);
      Operand out = trial.activationOut(1, n);
      Operand dGateUp = trial.activationOut(1, 2 * n);
      trial.run((ops, side) -> {
        ops.swiglu(side.of(out), side.of(gateUp));
        ops.swigluBackward(side.of(dGateUp), side.of(dOut), side.of(gateUp));
      });
      double[] x = gateUp.values();
      double[] expected = out.values();
      trial.check("out", out, i -> swigluBound(trial, expected[i], gate(x, i, n), up(x, i, n)));
      double[] dY = dOut.values();
      trial.check("dGateUp", dGateUp, i -> swigluBackwardBound(trial, dY[i % n], x[i % n], x[n + i % n], i < n));
    }
  }

  @Test
  default void swigluBackward() {
    for (int t : TOKENS) {
      for (int n : WIDTHS) {
        for (boolean inPlace : new boolean[] {false, true}) {
          try (Trial trial = trial("swigluBackward " + t + "x" + n + (inPlace ? " in place" : ""))) {
            Operand gateUp = trial.activation(trial.normal(2, t, 2 * n), t, 2 * n);
            Operand dOut = trial.activation(t, n);
            Operand dGateUp = inPlace ? gateUp : trial.activationOut(t, 2 * n);
            double[] x = gateUp.values();
            double[] dY = dOut.values();
            trial.run((ops, side) -> ops.swigluBackward(side.of(dGateUp), side.of(dOut), side.of(gateUp)));
            trial.check(
                "dGateUp",
                dGateUp,
                i -> {
                  int row = i / (2 * n);
                  int column = i % (2 * n) % n;
                  return swigluBackwardBound(
                      trial,
                      dY[row * n + column],
                      x[row * 2 * n + column],
                      x[row * 2 * n + n + column],
                      i % (2 * n) < n);
                });
          }
        }
      }
    }
  }

  /** Of dGate: the terms 1 and gate (1 - s) may cancel, so their magnitudes count apart. */
  private static double swigluBackwardBound(Trial trial, double dY, double gate, double up, boolean isGate) {
    double s = 1 / (1 + Math.exp(-gate));
    double magnitude = isGate ? abs(dY * up) * s * (1 + abs(gate) * (1 - s)) : abs(dY * gate) * s;
    // 1 - s is s's own error when s is almost 1, and that is multiplied by the gate.
    double cancelled = isGate ? trial.tolerance().accumulator() * 4 * abs(dY * up * gate) * s : 0;
    double lost = trial.tolerance().tiny() * 256 * (1 + abs(dY) * (1 + abs(up)) * (1 + abs(gate)));
    return trial.tolerance().sum(12, magnitude, trial.tolerance().activation())
        + Math.min(cancelled, abs(dY * up))
        + lost;
  }
}
