package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Floats.load;
import static dev.cocktail.tensor.cpu.Lanes.COUNT;
import static dev.cocktail.tensor.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/**
 * Products of F32 tiles that stay in cache.
 *
 * <p>A product is {@code C[m, COLUMNS] (+)= A[m,k] B[k, COLUMNS]}: every element of A is broadcast and meets two
 * vectors of a row of B, accumulators of eight (or four) rows stay in registers. C and A must have room for m rounded
 * up to {@link #ROWS}, or to twice that with more than that many rows left; what is written to the surplus rows of C
 * means nothing. The order of every sum is that of k.
 *
 * <p>A and C are arrays because C2 needs several times the nodes for an access through a memory segment, and stops
 * inlining, which boxes every vector, when a method has gathered too many. B, whose vectors should not straddle cache
 * lines, is off-heap memory.
 */
final class TileMath {
  /** Floats in a row of B and C: two vectors. */
  static final int COLUMNS = 2 * COUNT;

  /** Rows are computed in multiples of this. */
  static final int ROWS = 4;

  /** Bytes of a vector. */
  static final long VECTOR = 4L * COUNT;

  /** Sixteen accumulators need a machine with 32 vector registers: 512-bit x86, or ARM. */
  private static final boolean MANY_REGISTERS = COUNT == 16 || System.getProperty("os.arch", "").equals("aarch64");

  private static final float[] ZEROS = new float[COLUMNS];

  private TileMath() {}

  /**
   * {@code C (+)= A B} with A stored row by row: {@code A[i,p]} at {@code a[aStart + i lda + p]}.
   *
   * @param b address of B
   * @param bStep bytes from one row of B to the next
   */
  static void multiply(
      float[] c,
      int cStart,
      int ldc,
      boolean accumulate,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int m,
      int k) {
    float[] from = accumulate ? c : ZEROS;
    int fromStart = accumulate ? cStart : 0;
    int fromStep = accumulate ? ldc : 0;
    int i = 0;
    if (MANY_REGISTERS) {
      for (; i + ROWS < m; i += 2 * ROWS) {
        rowsOf8(
            c, cStart + i * ldc, ldc, from, fromStart + i * fromStep, fromStep, a, aStart + i * lda, lda, b, bStep, k);
      }
    }
    for (; i < m; i += ROWS) {
      rowsOf4(
          c, cStart + i * ldc, ldc, from, fromStart + i * fromStep, fromStep, a, aStart + i * lda, lda, b, bStep, k);
    }
  }

  /**
   * {@code C (+)= A B} with A stored column by column: {@code A[i,p]} at {@code a[aStart + p lda + i]}.
   *
   * @param b address of B
   * @param bStep bytes from one row of B to the next
   */
  static void multiplyTransposed(
      float[] c,
      int cStart,
      int ldc,
      boolean accumulate,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int m,
      int k) {
    float[] from = accumulate ? c : ZEROS;
    int fromStart = accumulate ? cStart : 0;
    int fromStep = accumulate ? ldc : 0;
    int i = 0;
    if (MANY_REGISTERS) {
      for (; i + ROWS < m; i += 2 * ROWS) {
        columnsOf8(c, cStart + i * ldc, ldc, from, fromStart + i * fromStep, fromStep, a, aStart + i, lda, b, bStep, k);
      }
    }
    for (; i < m; i += ROWS) {
      columnsOf4(c, cStart + i * ldc, ldc, from, fromStart + i * fromStep, fromStep, a, aStart + i, lda, b, bStep, k);
    }
  }

  private static void rowsOf8(
      float[] c,
      int cStart,
      int ldc,
      float[] from,
      int fromStart,
      int fromStep,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int k) {
    FloatVector c00 = FloatVector.fromArray(FLOATS, from, fromStart);
    FloatVector c01 = FloatVector.fromArray(FLOATS, from, fromStart + COUNT);
    FloatVector c10 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep);
    FloatVector c11 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep + COUNT);
    FloatVector c20 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep);
    FloatVector c21 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep + COUNT);
    FloatVector c30 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep);
    FloatVector c31 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep + COUNT);
    FloatVector c40 = FloatVector.fromArray(FLOATS, from, fromStart + 4 * fromStep);
    FloatVector c41 = FloatVector.fromArray(FLOATS, from, fromStart + 4 * fromStep + COUNT);
    FloatVector c50 = FloatVector.fromArray(FLOATS, from, fromStart + 5 * fromStep);
    FloatVector c51 = FloatVector.fromArray(FLOATS, from, fromStart + 5 * fromStep + COUNT);
    FloatVector c60 = FloatVector.fromArray(FLOATS, from, fromStart + 6 * fromStep);
    FloatVector c61 = FloatVector.fromArray(FLOATS, from, fromStart + 6 * fromStep + COUNT);
    FloatVector c70 = FloatVector.fromArray(FLOATS, from, fromStart + 7 * fromStep);
    FloatVector c71 = FloatVector.fromArray(FLOATS, from, fromStart + 7 * fromStep + COUNT);
    int a1 = aStart + lda;
    int a2 = aStart + 2 * lda;
    int a3 = aStart + 3 * lda;
    int a4 = aStart + 4 * lda;
    int a5 = aStart + 5 * lda;
    int a6 = aStart + 6 * lda;
    int a7 = aStart + 7 * lda;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = FloatVector.broadcast(FLOATS, a[aStart + p]);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(FLOATS, a[a1 + p]);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(FLOATS, a[a2 + p]);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(FLOATS, a[a3 + p]);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = FloatVector.broadcast(FLOATS, a[a4 + p]);
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = FloatVector.broadcast(FLOATS, a[a5 + p]);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      x = FloatVector.broadcast(FLOATS, a[a6 + p]);
      c60 = x.fma(b0, c60);
      c61 = x.fma(b1, c61);
      x = FloatVector.broadcast(FLOATS, a[a7 + p]);
      c70 = x.fma(b0, c70);
      c71 = x.fma(b1, c71);
      b += bStep;
    }
    c00.intoArray(c, cStart);
    c01.intoArray(c, cStart + COUNT);
    c10.intoArray(c, cStart + ldc);
    c11.intoArray(c, cStart + ldc + COUNT);
    c20.intoArray(c, cStart + 2 * ldc);
    c21.intoArray(c, cStart + 2 * ldc + COUNT);
    c30.intoArray(c, cStart + 3 * ldc);
    c31.intoArray(c, cStart + 3 * ldc + COUNT);
    c40.intoArray(c, cStart + 4 * ldc);
    c41.intoArray(c, cStart + 4 * ldc + COUNT);
    c50.intoArray(c, cStart + 5 * ldc);
    c51.intoArray(c, cStart + 5 * ldc + COUNT);
    c60.intoArray(c, cStart + 6 * ldc);
    c61.intoArray(c, cStart + 6 * ldc + COUNT);
    c70.intoArray(c, cStart + 7 * ldc);
    c71.intoArray(c, cStart + 7 * ldc + COUNT);
  }

  private static void rowsOf4(
      float[] c,
      int cStart,
      int ldc,
      float[] from,
      int fromStart,
      int fromStep,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int k) {
    FloatVector c00 = FloatVector.fromArray(FLOATS, from, fromStart);
    FloatVector c01 = FloatVector.fromArray(FLOATS, from, fromStart + COUNT);
    FloatVector c10 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep);
    FloatVector c11 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep + COUNT);
    FloatVector c20 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep);
    FloatVector c21 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep + COUNT);
    FloatVector c30 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep);
    FloatVector c31 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep + COUNT);
    int a1 = aStart + lda;
    int a2 = aStart + 2 * lda;
    int a3 = aStart + 3 * lda;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = FloatVector.broadcast(FLOATS, a[aStart + p]);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(FLOATS, a[a1 + p]);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(FLOATS, a[a2 + p]);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(FLOATS, a[a3 + p]);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      b += bStep;
    }
    c00.intoArray(c, cStart);
    c01.intoArray(c, cStart + COUNT);
    c10.intoArray(c, cStart + ldc);
    c11.intoArray(c, cStart + ldc + COUNT);
    c20.intoArray(c, cStart + 2 * ldc);
    c21.intoArray(c, cStart + 2 * ldc + COUNT);
    c30.intoArray(c, cStart + 3 * ldc);
    c31.intoArray(c, cStart + 3 * ldc + COUNT);
  }

  private static void columnsOf8(
      float[] c,
      int cStart,
      int ldc,
      float[] from,
      int fromStart,
      int fromStep,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int k) {
    FloatVector c00 = FloatVector.fromArray(FLOATS, from, fromStart);
    FloatVector c01 = FloatVector.fromArray(FLOATS, from, fromStart + COUNT);
    FloatVector c10 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep);
    FloatVector c11 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep + COUNT);
    FloatVector c20 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep);
    FloatVector c21 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep + COUNT);
    FloatVector c30 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep);
    FloatVector c31 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep + COUNT);
    FloatVector c40 = FloatVector.fromArray(FLOATS, from, fromStart + 4 * fromStep);
    FloatVector c41 = FloatVector.fromArray(FLOATS, from, fromStart + 4 * fromStep + COUNT);
    FloatVector c50 = FloatVector.fromArray(FLOATS, from, fromStart + 5 * fromStep);
    FloatVector c51 = FloatVector.fromArray(FLOATS, from, fromStart + 5 * fromStep + COUNT);
    FloatVector c60 = FloatVector.fromArray(FLOATS, from, fromStart + 6 * fromStep);
    FloatVector c61 = FloatVector.fromArray(FLOATS, from, fromStart + 6 * fromStep + COUNT);
    FloatVector c70 = FloatVector.fromArray(FLOATS, from, fromStart + 7 * fromStep);
    FloatVector c71 = FloatVector.fromArray(FLOATS, from, fromStart + 7 * fromStep + COUNT);
    int ai = aStart;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = FloatVector.broadcast(FLOATS, a[ai]);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(FLOATS, a[ai + 1]);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(FLOATS, a[ai + 2]);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(FLOATS, a[ai + 3]);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = FloatVector.broadcast(FLOATS, a[ai + 4]);
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = FloatVector.broadcast(FLOATS, a[ai + 5]);
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      x = FloatVector.broadcast(FLOATS, a[ai + 6]);
      c60 = x.fma(b0, c60);
      c61 = x.fma(b1, c61);
      x = FloatVector.broadcast(FLOATS, a[ai + 7]);
      c70 = x.fma(b0, c70);
      c71 = x.fma(b1, c71);
      ai += lda;
      b += bStep;
    }
    c00.intoArray(c, cStart);
    c01.intoArray(c, cStart + COUNT);
    c10.intoArray(c, cStart + ldc);
    c11.intoArray(c, cStart + ldc + COUNT);
    c20.intoArray(c, cStart + 2 * ldc);
    c21.intoArray(c, cStart + 2 * ldc + COUNT);
    c30.intoArray(c, cStart + 3 * ldc);
    c31.intoArray(c, cStart + 3 * ldc + COUNT);
    c40.intoArray(c, cStart + 4 * ldc);
    c41.intoArray(c, cStart + 4 * ldc + COUNT);
    c50.intoArray(c, cStart + 5 * ldc);
    c51.intoArray(c, cStart + 5 * ldc + COUNT);
    c60.intoArray(c, cStart + 6 * ldc);
    c61.intoArray(c, cStart + 6 * ldc + COUNT);
    c70.intoArray(c, cStart + 7 * ldc);
    c71.intoArray(c, cStart + 7 * ldc + COUNT);
  }

  private static void columnsOf4(
      float[] c,
      int cStart,
      int ldc,
      float[] from,
      int fromStart,
      int fromStep,
      float[] a,
      int aStart,
      int lda,
      long b,
      long bStep,
      int k) {
    FloatVector c00 = FloatVector.fromArray(FLOATS, from, fromStart);
    FloatVector c01 = FloatVector.fromArray(FLOATS, from, fromStart + COUNT);
    FloatVector c10 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep);
    FloatVector c11 = FloatVector.fromArray(FLOATS, from, fromStart + fromStep + COUNT);
    FloatVector c20 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep);
    FloatVector c21 = FloatVector.fromArray(FLOATS, from, fromStart + 2 * fromStep + COUNT);
    FloatVector c30 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep);
    FloatVector c31 = FloatVector.fromArray(FLOATS, from, fromStart + 3 * fromStep + COUNT);
    int ai = aStart;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = FloatVector.broadcast(FLOATS, a[ai]);
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = FloatVector.broadcast(FLOATS, a[ai + 1]);
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = FloatVector.broadcast(FLOATS, a[ai + 2]);
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = FloatVector.broadcast(FLOATS, a[ai + 3]);
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      ai += lda;
      b += bStep;
    }
    c00.intoArray(c, cStart);
    c01.intoArray(c, cStart + COUNT);
    c10.intoArray(c, cStart + ldc);
    c11.intoArray(c, cStart + ldc + COUNT);
    c20.intoArray(c, cStart + 2 * ldc);
    c21.intoArray(c, cStart + 2 * ldc + COUNT);
    c30.intoArray(c, cStart + 3 * ldc);
    c31.intoArray(c, cStart + 3 * ldc + COUNT);
  }
}
