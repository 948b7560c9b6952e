package dev.cocktail.tensor.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Functions that the Vector API has no instruction for, lane by lane, with errors small enough to compare models by.
 */
final class VectorMath {
  private static final float LOG2_E = 0x1.715476p0f;

  /** ln 2 as a float, and what that float leaves of it. */
  private static final float LN_2_HIGH = 0x1.62e43p-1f;

  private static final float LN_2_LOW = -0x1.05c61p-29f;

  /** Added to a float below 2^22 in magnitude, pushes its fraction out: the nearest integer is left in the low bits. */
  private static final float ROUNDER = 0x1.8p23f;

  private static final int ROUNDER_BITS = Float.floatToRawIntBits(ROUNDER);

  /** Above, exp exceeds every float; between ln(2^128) and here the arithmetic overflows by itself. */
  private static final float OVERFLOW = 89f;

  /** Below, exp is less than half the smallest float. */
  private static final float UNDERFLOW = -104f;

  // Minimax for (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, weighted to the relative error of exp; by iteratively
  // reweighted least squares, one coefficient after the other rounded to float: 0.05 units in the last place.
  static final float C2 = 0x1.fffffcp-2f;
  static final float C3 = 0x1.555492p-3f;
  static final float C4 = 0x1.5558bp-5f;
  static final float C5 = 0x1.123988p-7f;
  static final float C6 = 0x1.6a4ce4p-10f;

  private VectorMath() {}

  /**
   * The exponential of each lane, within one unit in the last place; subnormal results, infinities and NaN as {@link
   * Math#exp} has them. With {@code n} the integer nearest to x / ln 2, {@code exp(x) = 2^n exp(x - n ln 2)}.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(Floats.splat(LOG2_E), Floats.splat(ROUNDER));
    FloatVector n = shifted.sub(ROUNDER);
    FloatVector r = n.fma(Floats.splat(-LN_2_LOW), n.fma(Floats.splat(-LN_2_HIGH), x));
    FloatVector p = r.fma(Floats.splat(C6), Floats.splat(C5));
    p = p.fma(r, Floats.splat(C4));
    p = p.fma(r, Floats.splat(C3));
    p = p.fma(r, Floats.splat(C2));
    p = p.fma(r, Floats.splat(1f));
    p = p.fma(r, Floats.splat(1f));
    return scaled(p, shifted.reinterpretAsInts().sub(ROUNDER_BITS), x);
  }

  /** {@code p 2^n}, in two steps so that neither factor leaves the normal range; the ends of the range set by x. */
  private static FloatVector scaled(FloatVector p, IntVector n, FloatVector x) {
    IntVector half = n.lanewise(VectorOperators.ASHR, 1);
    FloatVector result = p.mul(powerOfTwo(half)).mul(powerOfTwo(n.sub(half)));
    result = result.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, OVERFLOW));
    return result.blend(0f, x.compare(VectorOperators.LT, UNDERFLOW));
  }

  private static FloatVector powerOfTwo(IntVector n) {
    return n.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }

  /** {@code 1 / (1 + exp(-x))}; 0 where exp(-x) overflows. */
  static FloatVector sigmoid(FloatVector x) {
    return Floats.splat(1f).div(exp(x.neg()).add(1f));
  }

  /** The sigmoids of {@code count} floats. */
  static void sigmoids(float[] out, long x, int count) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      sigmoid(Floats.load(x + 4L * i)).intoArray(out, i);
    }
    if (i < count) {
      lastSigmoids(out, x, i, count);
    }
  }

  /** A method of its own, because two exponentials in one may be more than the compiler inlines. */
  private static void lastSigmoids(float[] out, long x, int i, int count) {
    var tail = Floats.tail(i, count);
    sigmoid(Floats.load(x + 4L * i, tail)).intoArray(out, i, tail);
  }
}
