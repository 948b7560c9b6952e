package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Floats.load;
import static dev.cocktail.tensor.cpu.Floats.splat;
import static dev.cocktail.tensor.cpu.Floats.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Products and transposes of F32 tiles that stay in cache. All arguments are absolute addresses; strides count floats.
 *
 * <p>A product is {@code C[m, COLUMNS] (+)= A[m,k] B[k, COLUMNS]}: every element of A is broadcast and meets two vectors
 * of a row of B, accumulators of eight (or four) rows stay in registers. C and A must have room for m rounded up to
 * {@link #ROWS}; what is written to the surplus rows of C means nothing. The order of every sum is that of k.
 */
final class TileMath {
  /** Floats in a row of B and C: two vectors. */
  static final int COLUMNS = 2 * Lanes.COUNT;

  /** Rows are computed in multiples of this. */
  static final int ROWS = 4;

  /** Bytes of a vector. */
  static final long VECTOR = 4L * Lanes.COUNT;

  /** Sixteen accumulators need a machine with 32 vector registers: 512-bit x86, or ARM. */
  private static final boolean MANY_REGISTERS =
      Lanes.COUNT == 16 || System.getProperty("os.arch", "").equals("aarch64");

  private static final MemorySegment ZERO_ROW = Arena.global().allocate(2 * VECTOR, 64);
  private static final long ZEROS = ZERO_ROW.address();

  /** Exchanges lanes whose numbers differ in bit s. */
  private static final VectorShuffle<Float>[] EXCHANGE = exchanges();
  /** Lanes with bit s set. */
  private static final VectorMask<Float>[] UPPER = uppers();

  private TileMath() {}

  /** {@code C (+)= A B} with A stored row by row: {@code A[i,p]} at {@code a + 4 (i lda + p)}. */
  static void multiply(
      long c, int ldc, boolean accumulate, long a, int lda, long b, int ldb, int m, int k) {
    long from = accumulate ? c : ZEROS;
    long cStep = 4L * ldc;
    long fromStep = accumulate ? cStep : 0;
    long aStep = 4L * lda;
    long bStep = 4L * ldb;
    int i = 0;
    if (MANY_REGISTERS) {
      for (; i + ROWS < m; i += 2 * ROWS) {
        rowsOf8(c + i * cStep, cStep, from + i * fromStep, fromStep, a + i * aStep, aStep, b, bStep, k);
      }
    }
    for (; i < m; i += ROWS) {
      rowsOf4(c + i * cStep, cStep, from + i * fromStep, fromStep, a + i * aStep, aStep, b, bStep, k);
    }
  }

  /** {@code C (+)= A B} with A stored column by column: {@code A[i,p]} at {@code a + 4 (p lda + i)}. */
  static void multiplyTransposed(
      long c, int ldc, boolean accumulate, long a, int lda, long b, int ldb, int m, int k) {
    long from = accumulate ? c : ZEROS;
    long cStep = 4L * ldc;
    long fromStep = accumulate ? cStep : 0;
    long aStep = 4L * lda;
    long bStep = 4L * ldb;
    int i = 0;
    if (MANY_REGISTERS) {
      for (; i + ROWS < m; i += 2 * ROWS) {
        columnsOf8(c + i * cStep, cStep, from + i * fromStep, fromStep, a + 4L * i, aStep, b, bStep, k);
      }
    }
    for (; i < m; i += ROWS) {
      columnsOf4(c + i * cStep, cStep, from + i * fromStep, fromStep, a + 4L * i, aStep, b, bStep, k);
    }
  }

  private static void rowsOf8(
      long c, long cStep, long from, long fromStep, long a, long aStep, long b, long bStep, int k) {
    long a4 = a + 4 * aStep;
    FloatVector c00 = load(from);
    FloatVector c01 = load(from + VECTOR);
    FloatVector c10 = load(from + fromStep);
    FloatVector c11 = load(from + fromStep + VECTOR);
    FloatVector c20 = load(from + 2 * fromStep);
    FloatVector c21 = load(from + 2 * fromStep + VECTOR);
    FloatVector c30 = load(from + 3 * fromStep);
    FloatVector c31 = load(from + 3 * fromStep + VECTOR);
    FloatVector c40 = load(from + 4 * fromStep);
    FloatVector c41 = load(from + 4 * fromStep + VECTOR);
    FloatVector c50 = load(from + 5 * fromStep);
    FloatVector c51 = load(from + 5 * fromStep + VECTOR);
    FloatVector c60 = load(from + 6 * fromStep);
    FloatVector c61 = load(from + 6 * fromStep + VECTOR);
    FloatVector c70 = load(from + 7 * fromStep);
    FloatVector c71 = load(from + 7 * fromStep + VECTOR);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = splat(Floats.get(a));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = splat(Floats.get(a + aStep));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = splat(Floats.get(a + 2 * aStep));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = splat(Floats.get(a + 3 * aStep));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = splat(Floats.get(a4));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = splat(Floats.get(a4 + aStep));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      x = splat(Floats.get(a4 + 2 * aStep));
      c60 = x.fma(b0, c60);
      c61 = x.fma(b1, c61);
      x = splat(Floats.get(a4 + 3 * aStep));
      c70 = x.fma(b0, c70);
      c71 = x.fma(b1, c71);
      a += 4;
      a4 += 4;
      b += bStep;
    }
    storeRow(c, c00, c01);
    storeRow(c + cStep, c10, c11);
    storeRow(c + 2 * cStep, c20, c21);
    storeRow(c + 3 * cStep, c30, c31);
    storeRow(c + 4 * cStep, c40, c41);
    storeRow(c + 5 * cStep, c50, c51);
    storeRow(c + 6 * cStep, c60, c61);
    storeRow(c + 7 * cStep, c70, c71);
  }

  private static void rowsOf4(
      long c, long cStep, long from, long fromStep, long a, long aStep, long b, long bStep, int k) {
    FloatVector c00 = load(from);
    FloatVector c01 = load(from + VECTOR);
    FloatVector c10 = load(from + fromStep);
    FloatVector c11 = load(from + fromStep + VECTOR);
    FloatVector c20 = load(from + 2 * fromStep);
    FloatVector c21 = load(from + 2 * fromStep + VECTOR);
    FloatVector c30 = load(from + 3 * fromStep);
    FloatVector c31 = load(from + 3 * fromStep + VECTOR);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = splat(Floats.get(a));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = splat(Floats.get(a + aStep));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = splat(Floats.get(a + 2 * aStep));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = splat(Floats.get(a + 3 * aStep));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      a += 4;
      b += bStep;
    }
    storeRow(c, c00, c01);
    storeRow(c + cStep, c10, c11);
    storeRow(c + 2 * cStep, c20, c21);
    storeRow(c + 3 * cStep, c30, c31);
  }

  private static void columnsOf8(
      long c, long cStep, long from, long fromStep, long a, long aStep, long b, long bStep, int k) {
    FloatVector c00 = load(from);
    FloatVector c01 = load(from + VECTOR);
    FloatVector c10 = load(from + fromStep);
    FloatVector c11 = load(from + fromStep + VECTOR);
    FloatVector c20 = load(from + 2 * fromStep);
    FloatVector c21 = load(from + 2 * fromStep + VECTOR);
    FloatVector c30 = load(from + 3 * fromStep);
    FloatVector c31 = load(from + 3 * fromStep + VECTOR);
    FloatVector c40 = load(from + 4 * fromStep);
    FloatVector c41 = load(from + 4 * fromStep + VECTOR);
    FloatVector c50 = load(from + 5 * fromStep);
    FloatVector c51 = load(from + 5 * fromStep + VECTOR);
    FloatVector c60 = load(from + 6 * fromStep);
    FloatVector c61 = load(from + 6 * fromStep + VECTOR);
    FloatVector c70 = load(from + 7 * fromStep);
    FloatVector c71 = load(from + 7 * fromStep + VECTOR);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = splat(Floats.get(a));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = splat(Floats.get(a + 4));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = splat(Floats.get(a + 8));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = splat(Floats.get(a + 12));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      x = splat(Floats.get(a + 16));
      c40 = x.fma(b0, c40);
      c41 = x.fma(b1, c41);
      x = splat(Floats.get(a + 20));
      c50 = x.fma(b0, c50);
      c51 = x.fma(b1, c51);
      x = splat(Floats.get(a + 24));
      c60 = x.fma(b0, c60);
      c61 = x.fma(b1, c61);
      x = splat(Floats.get(a + 28));
      c70 = x.fma(b0, c70);
      c71 = x.fma(b1, c71);
      a += aStep;
      b += bStep;
    }
    storeRow(c, c00, c01);
    storeRow(c + cStep, c10, c11);
    storeRow(c + 2 * cStep, c20, c21);
    storeRow(c + 3 * cStep, c30, c31);
    storeRow(c + 4 * cStep, c40, c41);
    storeRow(c + 5 * cStep, c50, c51);
    storeRow(c + 6 * cStep, c60, c61);
    storeRow(c + 7 * cStep, c70, c71);
  }

  private static void columnsOf4(
      long c, long cStep, long from, long fromStep, long a, long aStep, long b, long bStep, int k) {
    FloatVector c00 = load(from);
    FloatVector c01 = load(from + VECTOR);
    FloatVector c10 = load(from + fromStep);
    FloatVector c11 = load(from + fromStep + VECTOR);
    FloatVector c20 = load(from + 2 * fromStep);
    FloatVector c21 = load(from + 2 * fromStep + VECTOR);
    FloatVector c30 = load(from + 3 * fromStep);
    FloatVector c31 = load(from + 3 * fromStep + VECTOR);
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector x = splat(Floats.get(a));
      c00 = x.fma(b0, c00);
      c01 = x.fma(b1, c01);
      x = splat(Floats.get(a + 4));
      c10 = x.fma(b0, c10);
      c11 = x.fma(b1, c11);
      x = splat(Floats.get(a + 8));
      c20 = x.fma(b0, c20);
      c21 = x.fma(b1, c21);
      x = splat(Floats.get(a + 12));
      c30 = x.fma(b0, c30);
      c31 = x.fma(b1, c31);
      a += aStep;
      b += bStep;
    }
    storeRow(c, c00, c01);
    storeRow(c + cStep, c10, c11);
    storeRow(c + 2 * cStep, c20, c21);
    storeRow(c + 3 * cStep, c30, c31);
  }

  /**
   * Transposes a square of {@code Lanes.COUNT} rows and columns. The target may not overlap the source. Rows and columns
   * change places one bit of their numbers at a time.
   */
  static void transposeSquare(long target, int targetStride, long source, int sourceStride) {
    exchange(target, 4L * targetStride, source, 4L * sourceStride, 1, EXCHANGE[0], UPPER[0]);
    for (int bit = 1; 1 << bit < Lanes.COUNT; bit++) {
      exchange(target, 4L * targetStride, target, 4L * targetStride, 1 << bit, EXCHANGE[bit], UPPER[bit]);
    }
  }

  private static void exchange(long target, long targetStep, long source, long sourceStep, int distance,
      VectorShuffle<Float> shuffle, VectorMask<Float> upper) {
    for (int pair = 0; pair < Lanes.COUNT / 2; pair++) {
      long row = (pair & -distance) * 2L + (pair & (distance - 1));
      long from = source + row * sourceStep;
      long to = target + row * targetStep;
      FloatVector low = load(from);
      FloatVector high = load(from + distance * sourceStep);
      store(to, low.blend(high.rearrange(shuffle), upper));
      store(to + distance * targetStep, low.rearrange(shuffle).blend(high, upper));
    }
  }

  private static void storeRow(long address, FloatVector v0, FloatVector v1) {
    Floats.store(address, v0);
    Floats.store(address + VECTOR, v1);
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static VectorShuffle<Float>[] exchanges() {
    var shuffles = new VectorShuffle[Integer.numberOfTrailingZeros(Lanes.COUNT)];
    for (int bit = 0; bit < shuffles.length; bit++) {
      int distance = 1 << bit;
      shuffles[bit] = VectorShuffle.fromOp(Lanes.FLOATS, lane -> lane ^ distance);
    }
    return shuffles;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static VectorMask<Float>[] uppers() {
    var masks = new VectorMask[Integer.numberOfTrailingZeros(Lanes.COUNT)];
    for (int bit = 0; bit < masks.length; bit++) {
      long lanes = 0;
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        lanes |= (long) (lane >> bit & 1) << lane;
      }
      masks[bit] = VectorMask.fromLong(Lanes.FLOATS, lanes);
    }
    return masks;
  }
}
