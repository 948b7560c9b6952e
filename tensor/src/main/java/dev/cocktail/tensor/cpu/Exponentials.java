package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Floats.splat;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponentials of a softmax: e to the power of x for x that are not large, within one unit in the last place,
 * exactly 0 below the normal numbers and at minus infinity, not-a-number kept. The polynomial is that of {@link
 * VectorMath#exp}, which knows the whole range and takes longer.
 */
final class Exponentials {
  private static final float LOG2_E = 0x1.715476p0f;
  // ln 2 in two pieces; n times the first is exact for |n| < 2^9.
  private static final float LN_2_HIGH = 0.693359375f;
  private static final float LN_2_LOW = -2.12194440e-4f;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  private static final float ROUNDER = 0x1.8p23f;
  // Below, the result would be less than the smallest normal number.
  private static final float UNDERFLOW = -87.33f;

  private Exponentials() {}

  /**
   * Replaces a tile of scores by {@code exp(score - origin)}.
   *
   * <p>The function is spelled out, for both vectors of a row. That keeps two chains of operations in flight, shares
   * the constants, and makes the method too large to be inlined: together with its callers it would have more nodes
   * than C2 takes, which then boxes vectors.
   *
   * @param tile {@code rows} rows of COLUMNS scores, {@code stride} floats apart, the first at {@code start}
   * @param origins where in {@code tile} COLUMNS floats begin
   * @param sums where in {@code tile} COLUMNS floats begin to which the exponentials of each column are added
   */
  static void tile(float[] tile, int start, int stride, int rows, int origins, int sums) {
    FloatVector zero = splat(0f);
    FloatVector one = splat(1f);
    FloatVector c2 = splat(VectorMath.C2);
    FloatVector c3 = splat(VectorMath.C3);
    FloatVector c4 = splat(VectorMath.C4);
    FloatVector c5 = splat(VectorMath.C5);
    FloatVector c6 = splat(VectorMath.C6);
    FloatVector log2E = splat(LOG2_E);
    FloatVector rounder = splat(ROUNDER);
    FloatVector high = splat(-LN_2_HIGH);
    FloatVector low = splat(-LN_2_LOW);
    FloatVector underflow = splat(UNDERFLOW);
    FloatVector originA = FloatVector.fromArray(Lanes.FLOATS, tile, origins);
    FloatVector originB = FloatVector.fromArray(Lanes.FLOATS, tile, origins + Lanes.COUNT);
    FloatVector sumA = FloatVector.fromArray(Lanes.FLOATS, tile, sums);
    FloatVector sumB = FloatVector.fromArray(Lanes.FLOATS, tile, sums + Lanes.COUNT);
    int at = start;
    for (int row = 0; row < rows; row++) {
      FloatVector xA = FloatVector.fromArray(Lanes.FLOATS, tile, at).sub(originA);
      FloatVector xB = FloatVector.fromArray(Lanes.FLOATS, tile, at + Lanes.COUNT).sub(originB);
      FloatVector shiftedA = xA.fma(log2E, rounder);
      FloatVector shiftedB = xB.fma(log2E, rounder);
      FloatVector nA = shiftedA.sub(rounder);
      FloatVector nB = shiftedB.sub(rounder);
      FloatVector rA = nA.fma(low, nA.fma(high, xA));
      FloatVector rB = nB.fma(low, nB.fma(high, xB));
      FloatVector yA = rA.fma(c6, c5).fma(rA, c4).fma(rA, c3).fma(rA, c2).fma(rA, one).fma(rA, one);
      FloatVector yB = rB.fma(c6, c5).fma(rB, c4).fma(rB, c3).fma(rB, c2).fma(rB, one).fma(rB, one);
      var exponentA = shiftedA.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      var exponentB = shiftedB.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      yA = yA.reinterpretAsInts().add(exponentA).reinterpretAsFloats();
      yB = yB.reinterpretAsInts().add(exponentB).reinterpretAsFloats();
      yA = yA.blend(zero, xA.compare(VectorOperators.LT, underflow));
      yB = yB.blend(zero, xB.compare(VectorOperators.LT, underflow));
      sumA = sumA.add(yA);
      sumB = sumB.add(yB);
      yA.intoArray(tile, at);
      yB.intoArray(tile, at + Lanes.COUNT);
      at += stride;
    }
    sumA.intoArray(tile, sums);
    sumB.intoArray(tile, sums + Lanes.COUNT);
  }
}
