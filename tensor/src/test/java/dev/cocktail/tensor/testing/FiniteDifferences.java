package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.cocktail.tensor.Tensor;
import java.util.Random;
import java.util.function.DoubleSupplier;

/**
 * Judges a gradient by differences of the function itself, in double precision. Along a direction u of length 1, {@code
 * D(h) = (f(x + h u) - f(x - h u)) / 2h} is the derivative up to a term in h^2, and {@code R(h) = (4 D(h) - D(2h)) / 3}
 * up to one in h^4 (Richardson's extrapolation), which {@code (R(2h) - R(h)) / 15} estimates.
 */
public final class FiniteDifferences {
  private static final double STEP = 0x1p-10;
  private static final int DIRECTIONS = 3;

  private FiniteDifferences() {}

  /**
   * Checks a gradient with respect to one F64 tensor that the function reads, along random directions and along the
   * gradient itself. The tolerance is what rounding costs, {@code 2^-53 / h} for each of the function's operations, of
   * which 2^7 are granted, in units of {@code 1 + |f| + |gradient|}, and the estimate of what the extrapolation leaves.
   *
   * @param function reads {@code at} anew on every call
   */
  public static void check(String what, DoubleSupplier function, Tensor at, double[] gradient, Random random) {
    double[] start = Values.read(at);
    double value = function.getAsDouble();
    double length = Math.sqrt(Values.dot(gradient, gradient));
    double rounding = 0x1p-53 / STEP * 0x1p7 * (1 + Math.abs(value) + length);
    for (int i = 0; i <= DIRECTIONS; i++) {
      double[] direction = i == DIRECTIONS ? gradient.clone() : Values.normal(random, start.length);
      double norm = Math.sqrt(Values.dot(direction, direction));
      if (norm == 0) {
        continue;
      }
      for (int j = 0; j < direction.length; j++) {
        direction[j] /= norm;
      }
      double fine = extrapolated(function, at, start, direction, STEP);
      double coarse = extrapolated(function, at, start, direction, 2 * STEP);
      assertThat(Values.dot(gradient, direction))
          .as("%s along direction %d, |gradient| = %s", what, i, length)
          .isCloseTo(fine, offset(rounding + Math.abs(coarse - fine) / 8));
    }
    Values.write(at, start);
  }

  private static double extrapolated(
      DoubleSupplier function, Tensor at, double[] start, double[] direction, double step) {
    double fine = slope(function, at, start, direction, step);
    double coarse = slope(function, at, start, direction, 2 * step);
    return (4 * fine - coarse) / 3;
  }

  private static double slope(DoubleSupplier function, Tensor at, double[] start, double[] direction, double step) {
    return (moved(function, at, start, direction, step) - moved(function, at, start, direction, -step)) / (2 * step);
  }

  private static double moved(DoubleSupplier function, Tensor at, double[] start, double[] direction, double step) {
    double[] there = start.clone();
    for (int i = 0; i < there.length; i++) {
      there[i] += step * direction[i];
    }
    Values.write(at, there);
    return function.getAsDouble();
  }
}
