package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loop of matrix products: a tile of C, {@link #ROWS} x {@link #COLUMNS}, held in registers while k runs.
 * Each step loads three vectors of a row of B and multiplies them by one broadcast element of A a row of the tile.
 *
 * <p><b>Shape.</b> With 32 vector registers (512-bit vectors, or a processor other than x86) the tile has 8 rows of
 * three vectors: 24 accumulators, three of B and one of A make 28. Its 24 multiply-adds need 11 loads, so that two
 * pipes of each stay busy with the multiply-adds, and 24 independent sums cover a latency of four cycles on two pipes
 * three times over. With 16 registers there are 4 rows: 12 accumulators, three of B, one of A.
 *
 * <p><b>What keeps the compiler at it.</b> C2 stops inlining when a method has gathered too many nodes, and vectors
 * that cross a call are boxed, which costs a factor of twelve. Loads and stores through memory segments cost several
 * times the nodes of array accesses, so A and the finished tile are arrays; B, whose vectors should not straddle cache
 * lines, is off-heap memory. The tile leaves through an array in the first-level cache: adding it to C is somebody
 * else's job, and costs one part in a hundred at a depth of 512.
 */
final class MicroKernel {
  private static final VectorSpecies<Float> S = Lanes.FLOATS;
  private static final int LANES = S.length();
  private static final int BYTES = S.vectorByteSize();
  private static final boolean HAS_32_REGISTERS =
      S.vectorBitSize() == 512 || !System.getProperty("os.arch").matches("amd64|x86_64");

  /** Rows of a tile. */
  static final int ROWS = HAS_32_REGISTERS ? 8 : 4;

  /** Columns of a tile. */
  static final int COLUMNS = 3 * LANES;

  private MicroKernel() {}

  /**
   * {@code tile[i, j] = sum_k a[aStart + k ROWS + i] b_k[j]}, k ascending, row {@code b_k} being {@link #COLUMNS}
   * floats at address {@code bStart + k bStride}.
   *
   * @param bStride bytes from one row of B to the next
   * @param tile at least ROWS x COLUMNS elements, row-major
   */
  static void multiply(int depth, float[] a, int aStart, long bStart, long bStride, float[] tile) {
    if (HAS_32_REGISTERS) {
      tileOf8Rows(depth, a, aStart, bStart, bStride, tile);
    } else {
      tileOf4Rows(depth, a, aStart, bStart, bStride, tile);
    }
  }

  private static void tileOf8Rows(int depth, float[] a, int aStart, long bStart, long bStride, float[] tile) {
    FloatVector zero = FloatVector.zero(S);
    FloatVector c00 = zero, c01 = zero, c02 = zero;
    FloatVector c10 = zero, c11 = zero, c12 = zero;
    FloatVector c20 = zero, c21 = zero, c22 = zero;
    FloatVector c30 = zero, c31 = zero, c32 = zero;
    FloatVector c40 = zero, c41 = zero, c42 = zero;
    FloatVector c50 = zero, c51 = zero, c52 = zero;
    FloatVector c60 = zero, c61 = zero, c62 = zero;
    FloatVector c70 = zero, c71 = zero, c72 = zero;
    int ai = aStart;
    long bi = bStart;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromMemorySegment(S, MEMORY, bi, ORDER);
      FloatVector b1 = FloatVector.fromMemorySegment(S, MEMORY, bi + BYTES, ORDER);
      FloatVector b2 = FloatVector.fromMemorySegment(S, MEMORY, bi + 2 * BYTES, ORDER);
      FloatVector ax = FloatVector.broadcast(S, a[ai]);
      c00 = ax.fma(b0, c00);
      c01 = ax.fma(b1, c01);
      c02 = ax.fma(b2, c02);
      ax = FloatVector.broadcast(S, a[ai + 1]);
      c10 = ax.fma(b0, c10);
      c11 = ax.fma(b1, c11);
      c12 = ax.fma(b2, c12);
      ax = FloatVector.broadcast(S, a[ai + 2]);
      c20 = ax.fma(b0, c20);
      c21 = ax.fma(b1, c21);
      c22 = ax.fma(b2, c22);
      ax = FloatVector.broadcast(S, a[ai + 3]);
      c30 = ax.fma(b0, c30);
      c31 = ax.fma(b1, c31);
      c32 = ax.fma(b2, c32);
      ax = FloatVector.broadcast(S, a[ai + 4]);
      c40 = ax.fma(b0, c40);
      c41 = ax.fma(b1, c41);
      c42 = ax.fma(b2, c42);
      ax = FloatVector.broadcast(S, a[ai + 5]);
      c50 = ax.fma(b0, c50);
      c51 = ax.fma(b1, c51);
      c52 = ax.fma(b2, c52);
      ax = FloatVector.broadcast(S, a[ai + 6]);
      c60 = ax.fma(b0, c60);
      c61 = ax.fma(b1, c61);
      c62 = ax.fma(b2, c62);
      ax = FloatVector.broadcast(S, a[ai + 7]);
      c70 = ax.fma(b0, c70);
      c71 = ax.fma(b1, c71);
      c72 = ax.fma(b2, c72);
      ai += 8;
      bi += bStride;
    }
    c00.intoArray(tile, 0);
    c01.intoArray(tile, LANES);
    c02.intoArray(tile, 2 * LANES);
    c10.intoArray(tile, 3 * LANES);
    c11.intoArray(tile, 4 * LANES);
    c12.intoArray(tile, 5 * LANES);
    c20.intoArray(tile, 6 * LANES);
    c21.intoArray(tile, 7 * LANES);
    c22.intoArray(tile, 8 * LANES);
    c30.intoArray(tile, 9 * LANES);
    c31.intoArray(tile, 10 * LANES);
    c32.intoArray(tile, 11 * LANES);
    c40.intoArray(tile, 12 * LANES);
    c41.intoArray(tile, 13 * LANES);
    c42.intoArray(tile, 14 * LANES);
    c50.intoArray(tile, 15 * LANES);
    c51.intoArray(tile, 16 * LANES);
    c52.intoArray(tile, 17 * LANES);
    c60.intoArray(tile, 18 * LANES);
    c61.intoArray(tile, 19 * LANES);
    c62.intoArray(tile, 20 * LANES);
    c70.intoArray(tile, 21 * LANES);
    c71.intoArray(tile, 22 * LANES);
    c72.intoArray(tile, 23 * LANES);
  }

  private static void tileOf4Rows(int depth, float[] a, int aStart, long bStart, long bStride, float[] tile) {
    FloatVector zero = FloatVector.zero(S);
    FloatVector c00 = zero, c01 = zero, c02 = zero;
    FloatVector c10 = zero, c11 = zero, c12 = zero;
    FloatVector c20 = zero, c21 = zero, c22 = zero;
    FloatVector c30 = zero, c31 = zero, c32 = zero;
    int ai = aStart;
    long bi = bStart;
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromMemorySegment(S, MEMORY, bi, ORDER);
      FloatVector b1 = FloatVector.fromMemorySegment(S, MEMORY, bi + BYTES, ORDER);
      FloatVector b2 = FloatVector.fromMemorySegment(S, MEMORY, bi + 2 * BYTES, ORDER);
      FloatVector ax = FloatVector.broadcast(S, a[ai]);
      c00 = ax.fma(b0, c00);
      c01 = ax.fma(b1, c01);
      c02 = ax.fma(b2, c02);
      ax = FloatVector.broadcast(S, a[ai + 1]);
      c10 = ax.fma(b0, c10);
      c11 = ax.fma(b1, c11);
      c12 = ax.fma(b2, c12);
      ax = FloatVector.broadcast(S, a[ai + 2]);
      c20 = ax.fma(b0, c20);
      c21 = ax.fma(b1, c21);
      c22 = ax.fma(b2, c22);
      ax = FloatVector.broadcast(S, a[ai + 3]);
      c30 = ax.fma(b0, c30);
      c31 = ax.fma(b1, c31);
      c32 = ax.fma(b2, c32);
      ai += 4;
      bi += bStride;
    }
    c00.intoArray(tile, 0);
    c01.intoArray(tile, LANES);
    c02.intoArray(tile, 2 * LANES);
    c10.intoArray(tile, 3 * LANES);
    c11.intoArray(tile, 4 * LANES);
    c12.intoArray(tile, 5 * LANES);
    c20.intoArray(tile, 6 * LANES);
    c21.intoArray(tile, 7 * LANES);
    c22.intoArray(tile, 8 * LANES);
    c30.intoArray(tile, 9 * LANES);
    c31.intoArray(tile, 10 * LANES);
    c32.intoArray(tile, 11 * LANES);
  }
}
