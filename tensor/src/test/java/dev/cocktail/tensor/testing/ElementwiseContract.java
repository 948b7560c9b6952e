package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Elementwise operations and random numbers. */
interface ElementwiseContract extends ContractSetting {
  @Test
  default void fill() {
    for (DType dtype : WEIGHTS) {
      for (int n : UGLY) {
        try (Trial trial = trial("fill " + dtype + " " + n)) {
          Operand out = trial.weightOut(dtype, n);
          trial.run((ops, side) -> ops.fill(side.of(out), 1.0 / 3));
          trial.checkExact("out", out);
        }
      }
    }
  }

  /** Lists of ugly sizes, of one pair of types and of several. */
  @Test
  default void listsAreFilledAndConverted() {
    for (DType to : List.of(DType.F32, DType.BF16, DType.F16)) {
      try (Trial trial = trial("lists of " + to)) {
        List<Operand> ins = new ArrayList<>();
        List<Operand> outs = new ArrayList<>();
        List<Operand> filled = new ArrayList<>();
        for (int n : UGLY) {
          ins.add(trial.weight(DType.F32, trial.normal(1, n), n));
          outs.add(trial.weightOut(to, n));
          filled.add(trial.weightOut(to == DType.F16 && n == 1 ? DType.F32 : to, n));
        }
        trial.run((ops, side) -> {
          ops.cast(outs.stream().map(side::of).toList(), ins.stream().map(side::of).toList());
          ops.fill(filled.stream().map(side::of).toList(), 1.0 / 3);
        });
        for (int i = 0; i < outs.size(); i++) {
          trial.checkExact("out " + i, outs.get(i));
          trial.checkExact("filled " + i, filled.get(i));
        }
      }
    }
  }

  @Test
  default void castRoundsOnceToNearestEven() {
    double[] hard = {
      0,
      -0.0,
      1,
      -1,
      Double.NaN,
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY,
      65504,
      65520,
      65519,
      0x1.01p0,
      0x1.03p0,
      0x1.010002p0,
      0x1.002p0,
      0x1.006p0,
      0x1.002002p0,
      0x1p-24,
      0x1p-25,
      0x1.000002p-25,
      0x1p-14,
      0x1p-130,
      0x1.fffffep127,
      0x1.fep127,
      0x1.ffp127
    };
    for (DType from : WEIGHTS) {
      for (DType to : WEIGHTS) {
        for (int n : UGLY) {
          try (Trial trial = trial("cast " + from + " to " + to + " of " + n)) {
            double[] values = trial.normal(1, n + hard.length);
            System.arraycopy(hard, 0, values, n, hard.length);
            Operand in = trial.weight(from, values, values.length);
            Operand out = trial.weightOut(to, 1, values.length, 1);
            trial.run((ops, side) -> ops.cast(side.of(out), side.of(in)));
            trial.checkExact("out", out);
          }
        }
      }
    }
  }

  @Test
  default void castCopiesEqualTypesBitForBit() {
    try (Trial trial = trial("cast I32")) {
      Operand in = trial.ints(Integer.MIN_VALUE, -1, 0, 0x7FC00001, 5);
      Operand out = trial.intsOut(5);
      trial.run((ops, side) -> ops.cast(side.of(out), side.of(in)));
      trial.checkExact("out", out);
    }
    try (Trial trial = trial("cast nothing")) {
      Operand in = trial.activation(0, 3);
      Operand out = trial.weightOut(DType.BF16, 5, 0);
      trial.run((ops, side) -> ops.cast(side.of(out), side.of(in)));
      trial.checkExact("out", out);
    }
  }

  @Test
  default void addScaled() {
    for (int n : UGLY) {
      for (double scale : new double[] {1, 0, -0.5, 1.0 / 3}) {
        for (boolean parameters : new boolean[] {false, true}) {
          for (String alias : List.of("none", "a", "b", "both")) {
            try (Trial trial = trial("addScaled " + n + " by " + scale + " alias " + alias + " " + parameters)) {
              Operand a = parameters ? trial.parameter(n) : trial.activation(n);
              Operand b = alias.equals("both") ? a : parameters ? trial.parameter(n) : trial.activation(n);
              Operand out =
                  switch (alias) {
                    case "none" -> parameters ? trial.parameterOut(n) : trial.activationOut(n);
                    case "b" -> b;
                    default -> a;
                  };
              double[] x = a.values();
              double[] y = b.values();
              trial.run((ops, side) -> ops.addScaled(side.of(out), side.of(a), side.of(b), scale));
              var tolerance = trial.tolerance();
              trial.check(
                  "out",
                  out,
                  i ->
                      parameters
                          ? tolerance.parameter(abs(x[i]) + abs(scale * y[i]))
                          : tolerance.activation(abs(x[i]) + abs(scale * y[i])));
            }
          }
        }
      }
    }
  }

  @Test
  default void scale() {
    for (int n : UGLY) {
      try (Trial trial = trial("scale " + n)) {
        Operand x = trial.activation(1, n);
        Operand y = trial.parameter(n);
        trial.run((ops, side) -> {
          ops.scale(side.of(x), -1.0 / 3);
          ops.scale(side.of(y), 7);
        });
        trial.checkRelative("activation", x, magnitude -> trial.tolerance().activation(magnitude));
        trial.checkRelative("parameter", y, magnitude -> trial.tolerance().parameter(magnitude));
      }
    }
  }

  @Test
  default void scaleColumns() {
    for (int t : UGLY) {
      for (int n : new int[] {1, 15, 16, 33}) {
        for (boolean inPlace : new boolean[] {false, true}) {
          try (Trial trial = trial("scaleColumns " + t + "x" + n + (inPlace ? " in place" : ""))) {
            Operand in = trial.activation(t, n);
            Operand factors = trial.parameter(n);
            Operand out = inPlace ? in : trial.activationOut(t, n);
            trial.run((ops, side) -> ops.scaleColumns(side.of(out), side.of(in), side.of(factors)));
            trial.checkRelative("out", out, magnitude -> trial.tolerance().activation(magnitude));
          }
        }
      }
    }
  }

  @Test
  default void scaleColumnsBackward() {
    for (int t : UGLY) {
      for (int n : new int[] {1, 16, 33}) {
        for (String way : List.of("write", "add", "over dOut", "no dIn", "no dFactors")) {
          try (Trial trial = trial("scaleColumnsBackward " + t + "x" + n + ": " + way)) {
            boolean accumulate = way.equals("add");
            Operand dOut = trial.activation(t, n);
            Operand in = trial.activation(t, n);
            Operand factors = trial.parameter(n);
            Operand dIn =
                switch (way) {
                  case "add" -> trial.activation(t, n);
                  case "over dOut" -> dOut;
                  case "no dIn" -> null;
                  default -> trial.activationOut(t, n);
                };
            Operand dFactors = way.equals("no dFactors") ? null : trial.parameter(n);
            double[] dY = dOut.values();
            double[] x = in.values();
            double[] factor = factors.values();
            double[] before = accumulate ? dIn.values() : new double[t * n];
            double[] mass = dFactors == null ? new double[n] : dFactors.values();
            for (int i = 0; i < n; i++) {
              mass[i] = abs(mass[i]);
            }
            for (int i = 0; i < t * n; i++) {
              mass[i % n] += abs(dY[i] * x[i]);
            }
            trial.run((ops, side) ->
                ops.scaleColumnsBackward(
                    side.of(dIn), accumulate, side.of(dFactors), side.of(dOut), side.of(in), side.of(factors)));
            var tolerance = trial.tolerance();
            if (dIn != null) {
              trial.check("dIn", dIn, i -> tolerance.activation(abs(before[i]) + abs(dY[i] * factor[i % n])));
            }
            if (dFactors != null) {
              trial.check("dFactors", dFactors, i -> tolerance.sum(t, mass[i], tolerance.parameter()));
            }
          }
        }
      }
    }
  }

  @Test
  default void divide() {
    for (int n : UGLY) {
      for (boolean accumulate : new boolean[] {false, true}) {
        try (Trial trial = trial("divide " + n + (accumulate ? ", adding" : ""))) {
          Operand a = trial.parameter(n);
          Operand b = trial.parameter(n);
          Operand out = accumulate ? trial.parameter(n) : trial.parameterOut(n);
          double[] before = accumulate ? out.values() : new double[n];
          double[] x = a.values();
          double[] y = b.values();
          trial.run((ops, side) -> ops.divide(side.of(out), accumulate, side.of(a), side.of(b)));
          trial.check("out", out, i -> trial.tolerance().parameter(abs(before[i]) + abs(x[i] / y[i])));
        }
      }
    }
  }

  @Test
  default void dropout() {
    for (int n : UGLY) {
      for (double p : new double[] {0, 0.1, 0.5, 0.9}) {
        for (String way : List.of("write", "add", "in place")) {
          try (Trial trial = trial("dropout " + n + " with " + p + ": " + way)) {
            boolean accumulate = way.equals("add");
            // What is dropped is 0, whatever it was.
            double[] values = trial.normal(1, 3, n);
            var key = new RandomKey(41L << 32 | n, 0x123456789ABCDEFL);
            for (int i = 0; i < values.length; i++) {
              if (Philox.toUnitFloat(Philox.word(key, i)) < p) {
                values[i] = i % 2 == 0 ? Double.NaN : Double.POSITIVE_INFINITY;
              }
            }
            Operand in = trial.activation(values, 3, n);
            Operand out = accumulate ? trial.activation(3, n) : way.equals("write") ? trial.activationOut(3, n) : in;
            double[] before = accumulate ? out.values() : new double[3 * n];
            double[] x = in.values();
            trial.run((ops, side) -> ops.dropout(side.of(out), accumulate, side.of(in), p, key));
            trial.check("out", out, i -> trial.tolerance().activation(abs(before[i]) + abs(x[i]) / (1 - p)));
          }
        }
      }
    }
  }

  @Test
  default void uniform() {
    for (DType dtype : WEIGHTS) {
      for (int n : UGLY) {
        try (Trial trial = trial("uniform " + dtype + " " + n)) {
          Operand out = trial.weightOut(dtype, n, 5);
          trial.run((ops, side) -> ops.uniform(side.of(out), -0.25, 3, new RandomKey(-5, n)));
          double stored = Tolerance.roundoff(dtype);
          trial.check("out", out, _ -> trial.tolerance().sum(4, 3.25, 2 * stored));
        }
      }
    }
  }

  @Test
  default void normal() {
    for (DType dtype : WEIGHTS) {
      for (int n : UGLY) {
        try (Trial trial = trial("normal " + dtype + " " + n)) {
          Operand out = trial.weightOut(dtype, n, 5);
          var key = new RandomKey(99, -n);
          trial.run((ops, side) -> ops.normal(side.of(out), 0.5, 2, key));
          double u = trial.tolerance().accumulator();
          double[] radius = new double[n * 5];
          Arrays.setAll(
              radius,
              i -> Math.sqrt(-2 * Math.log((Integer.toUnsignedLong(Philox.word(key, i / 2 * 2)) + 1) * 0x1p-32)));
          // The logarithm's argument is rounded, so its value errs absolutely; the angle errs by roundings of 2 pi.
          trial.check(
              "out",
              out,
              i ->
                  2 * (Math.sqrt(radius[i] * radius[i] + 8 * u) - radius[i])
                      + trial.tolerance().sum(16, 0.5 + 2 * radius[i] * 2 * Math.PI, 2 * Tolerance.roundoff(dtype)));
        }
      }
    }
  }

  @Test
  default void argmaxTakesTheFirstOfEquals() {
    for (int t : UGLY) {
      for (int v : new int[] {1, 2, 15, 16, 17, 33, 97, 255}) {
        argmax(t, v, 5);
      }
    }
    // Rows that take several warps of a GPU, moved in packs and one by one, whose largest element may lie in any.
    for (int v : new int[] {1025, 1032, 5000}) {
      argmax(7, v, 250);
    }
  }

  /** Elements are so many different integers. */
  private void argmax(int t, int v, int different) {
    try (Trial trial = trial("argmax " + t + "x" + v)) {
      double[] values = new double[t * v];
      Arrays.setAll(values, _ -> trial.random().nextInt(different) - 3);
      if (t > 2) {
        Arrays.fill(values, 2 * v, 3 * v, Double.NEGATIVE_INFINITY);
      }
      Operand in = trial.activation(values, t, v);
      DType dtype = WEIGHTS.get(v % 3);
      Operand fromWeights = trial.weight(dtype, values, t, v);
      Operand out = trial.intsOut(t);
      Operand other = trial.intsOut(t);
      trial.run((ops, side) -> {
        ops.argmax(side.of(out), side.of(in));
        ops.argmax(side.of(other), side.of(fromWeights));
      });
      trial.checkExact("out", out);
      trial.checkExact("out of " + dtype, other);
    }
  }
}
