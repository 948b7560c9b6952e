package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;

import dev.cocktail.tensor.AdamW;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Clipping and AdamW. */
interface OptimiserContract extends ContractSetting {
  /** Sizes of many small tensors, empty ones among them. */
  int[] MANY = IntStream.range(0, 300).map(i -> i * 7 % 13).toArray();

  /** Tensors of one step: small ones, one that ends with a piece of work, and one that does not. */
  int[] STEPPED = Stream.of(UGLY, MANY, new int[] {4096, 9001}).flatMapToInt(Arrays::stream).toArray();

  @Test
  default void gradientNorm() {
    int[][] cases = {{}, {0}, {1}, {17, 0, 1}, {33, 1000, 97}, {4099}, {1, 16_384, 0, 40_001, 3}, MANY};
    for (int[] sizes : cases) {
      for (double maxNorm : new double[] {0.5, 1e9, Double.POSITIVE_INFINITY}) {
        for (double power : POWERS_OF_TWO) {
          try (Trial trial = trial("gradientNorm of " + sizes.length + " times " + power + " at most " + maxNorm)) {
            List<Operand> gradients = new ArrayList<>();
            int elements = 0;
            for (int n : sizes) {
              gradients.add(trial.parameter(trial.normal(power, n), n));
              elements += n;
            }
            int terms = elements;
            Operand norm = trial.parameterOut(1);
            Operand scale = trial.parameterOut(1);
            trial.run((ops, side) -> ops.gradientNorm(side.of(norm), side.of(scale), side.of(gradients), maxNorm));
            var tolerance = trial.tolerance();
            trial.checkRelative("norm", norm, magnitude -> tolerance.sum(terms, magnitude, tolerance.parameter()));
            trial.checkRelative(
                "scale", scale, magnitude -> tolerance.sum(terms + 4L, magnitude, tolerance.parameter()));
          }
        }
      }
    }
  }

  @Test
  default void gradientNormShowsWhatIsNotFinite() {
    for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
      try (Trial trial = trial("gradientNorm of " + value)) {
        double[] values = trial.normal(1, 37);
        values[36] = value;
        List<Operand> gradients = List.of(trial.parameter(5), trial.parameter(values, 37));
        Operand norm = trial.parameterOut(1);
        Operand scale = trial.parameterOut(1);
        trial.run((ops, side) -> ops.gradientNorm(side.of(norm), side.of(scale), side.of(gradients), 1));
        trial.checkExact("norm", norm);
      }
    }
  }

  @Test
  default void adamW() {
    List<AdamW> steps =
        List.of(
            new AdamW(1e-3, 0.9, 0.999, 1e-8, 0.01, 1),
            new AdamW(0.1, 0.9, 0.95, 1e-6, 0, 1000),
            new AdamW(0.5, 0, 0, 1e-3, 0.1, 3),
            new AdamW(0, 0.9, 0.999, 1e-8, 0.1, 2));
    for (AdamW step : steps) {
      for (double gradientScale : new double[] {1, 0.125}) {
        try (Trial trial = trial("adamW " + step + " gradients times " + gradientScale)) {
          List<Operand> parameters = new ArrayList<>();
          List<Operand> gradients = new ArrayList<>();
          List<Operand> first = new ArrayList<>();
          List<Operand> second = new ArrayList<>();
          List<double[]> secondBounds = new ArrayList<>();
          List<double[]> firstBounds = new ArrayList<>();
          List<double[]> bounds = new ArrayList<>();
          var tolerance = trial.tolerance();
          for (int n : STEPPED) {
            double[] squares = trial.normal(1, n);
            for (int i = 0; i < n; i++) {
              squares[i] *= squares[i];
            }
            parameters.add(trial.parameter(1, n));
            gradients.add(trial.parameter(1, n));
            first.add(trial.parameter(1, n));
            second.add(trial.parameter(squares, 1, n));
            addBounds(
                step,
                gradientScale,
                tolerance,
                parameters.getLast().values(),
                gradients.getLast().values(),
                first.getLast().values(),
                second.getLast().values(),
                firstBounds,
                secondBounds,
                bounds);
          }
          Operand scale = trial.parameter(new double[] {gradientScale}, 1);
          trial.run((ops, side) ->
              ops.adamW(
                  side.of(parameters), side.of(gradients), side.of(first), side.of(second), side.of(scale), step));
          for (int i = 0; i < parameters.size(); i++) {
            int tensor = i;
            trial.check("first moment", first.get(i), j -> firstBounds.get(tensor)[j]);
            trial.check("second moment", second.get(i), j -> secondBounds.get(tensor)[j]);
            trial.check("parameter", parameters.get(i), j -> bounds.get(tensor)[j]);
          }
        }
      }
    }
  }

  /** Moments err by a few roundings of their terms; the step by what that makes of it, and a few of its own. */
  private static void addBounds(
      AdamW step,
      double scale,
      Tolerance tolerance,
      double[] p,
      double[] gradient,
      double[] m,
      double[] v,
      List<double[]> firstBounds,
      List<double[]> secondBounds,
      List<double[]> bounds) {
    double[] first = new double[p.length];
    double[] second = new double[p.length];
    double[] parameter = new double[p.length];
    double correction1 = 1 - Math.pow(step.beta1(), step.step());
    double correction2 = 1 - Math.pow(step.beta2(), step.step());
    for (int i = 0; i < p.length; i++) {
      double g = abs(scale * gradient[i]);
      double newM = step.beta1() * abs(m[i]) + (1 - step.beta1()) * g;
      double newV = step.beta2() * v[i] + (1 - step.beta2()) * g * g;
      first[i] = tolerance.parameter(newM);
      second[i] = tolerance.parameter(newV);
      double largestStep = step.learningRate() * newM / correction1 / (Math.sqrt(newV / correction2) + step.epsilon());
      parameter[i] = tolerance.parameter(abs(p[i])) + 3 * tolerance.parameter(largestStep);
    }
    firstBounds.add(first);
    secondBounds.add(second);
    bounds.add(parameter);
  }

  @Test
  default void adamWOfNothing() {
    try (Trial trial = trial("adamW of nothing")) {
      Operand scale = trial.parameter(new double[] {1}, 1);
      List<Operand> none = List.of();
      trial.run((ops, side) ->
          ops.adamW(
              side.of(none),
              side.of(none),
              side.of(none),
              side.of(none),
              side.of(scale),
              new AdamW(1, 0.9, 0.99, 1e-8, 0, 1)));
    }
  }
}
