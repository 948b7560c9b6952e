package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class VectorMathTest {
  @Test
  void expIsWithinOneUnitInTheLastPlace() {
    assertThat(worstError(VectorMath::exp, StrictMath::exp, -103.9f, 88.72f, 400_000)).isLessThan(1);
    // Around zero, where arguments have many more bits than a sweep of even steps shows.
    assertThat(worstError(VectorMath::exp, StrictMath::exp, -1e-3f, 1e-3f, 50_000)).isLessThan(1);
  }

  @Test
  void sigmoidIsWithinTwoUnitsInTheLastPlaceWhereItIsNormal() {
    DoubleUnaryOperator sigmoid = x -> 1 / (1 + StrictMath.exp(-x));
    // exp(-x): 1, the sum: 1/2, the quotient: 1/2.
    assertThat(worstError(VectorMath::sigmoid, sigmoid, -87f, 30f, 400_000)).isLessThan(2.5);
  }

  @Test
  void endsOfTheRange() {
    float[] x = {
      0f,
      -0f,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN,
      88.72283f,
      88.7229f,
      1e4f,
      Float.MAX_VALUE,
      -103.97f,
      -103.98f,
      -87.4f,
      -1e4f,
      -Float.MAX_VALUE,
      Float.MIN_VALUE,
      -Float.MIN_VALUE
    };
    float[] exp = apply(VectorMath::exp, x);
    for (int i = 0; i < x.length; i++) {
      float expected = (float) StrictMath.exp(x[i]);
      assertThat(exp[i]).as("exp(%s)", x[i]).isBetween(Math.nextDown(expected), Math.nextUp(expected));
    }
    assertThat(exp).startsWith(1f, 1f, Float.POSITIVE_INFINITY, 0f, Float.NaN);
    assertThat(exp[9]).isEqualTo(Float.MIN_VALUE);
    assertThat(exp[10]).isZero();
    assertThat(apply(VectorMath::sigmoid, Float.NEGATIVE_INFINITY, -1e4f, 0f, 1e4f, Float.POSITIVE_INFINITY, Float.NaN))
        .startsWith(0f, 0f, 0.5f, 1f, 1f, Float.NaN);
  }

  /** In units in the last place of the exact result, over a sweep of even steps. */
  private static double worstError(
      UnaryOperator<FloatVector> function, DoubleUnaryOperator exact, float low, float high, int steps) {
    double worst = 0;
    float[] x = new float[Lanes.COUNT];
    for (int step = 0; step < steps; step += x.length) {
      for (int i = 0; i < x.length; i++) {
        x[i] = low + (high - low) * (step + i) / (steps + x.length);
      }
      float[] result = apply(function, x);
      for (int i = 0; i < x.length; i++) {
        double expected = exact.applyAsDouble(x[i]);
        worst = Math.max(worst, Math.abs(result[i] - expected) / Math.ulp((float) expected));
      }
    }
    return worst;
  }

  private static float[] apply(UnaryOperator<FloatVector> function, float... x) {
    float[] result = new float[x.length];
    for (int i = 0; i < x.length; i += Lanes.COUNT) {
      var lanes = Lanes.FLOATS.indexInRange(i, x.length);
      function.apply(FloatVector.fromArray(Lanes.FLOATS, x, i, lanes)).intoArray(result, i, lanes);
    }
    return result;
  }
}
