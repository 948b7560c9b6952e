package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;
import static jdk.incubator.vector.VectorOperators.LSHL;

import dev.cocktail.tensor.DType;
import java.util.Arrays;
import java.util.function.IntConsumer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code C = alpha X W^T + beta C} for a few rows X against many rows W that are contiguous along k: a token's or a
 * small batch's products with weights, which end when the weights have been read. W is read once, in the order it is
 * stored, and nothing is packed. F16 is widened, some rows at a time, into the first-level cache. BF16 is widened in
 * registers: a vector of integers holds two elements in each lane, of which the upper is a float once the lower is
 * cleared, and the lower once it is shifted up. The two halves meet X's elements in the same order, which is brought
 * about once, since X is small: of every two vectors, first all even elements, then all odd ones.
 *
 * <p>Each sum has a vector of partial sums, added up in a fixed tree, and the elements beyond the last whole vector
 * come after it.
 */
final class DotProducts {
  /** Rows of X up to which reading W decides the time. */
  static final int MOST_ROWS = 8;

  private static final VectorSpecies<Float> S = Lanes.FLOATS;
  private static final int LANES = S.length();
  private static final int BYTES = S.vectorByteSize();

  /** Rows of X and of W whose products are summed together: 16 sums need 8 loads for 16 multiply-adds. */
  private static final int TILE = 4;

  /**
   * Rows of X that meet one row of W after the other, each by itself: memory serves a single stream half as fast again
   * as four, and more rows have more to multiply than to read.
   */
  private static final int FEW_ROWS = 2;

  /**
   * Elements of a row that are taken at a time, where X has more than a few rows or W must be widened before: four rows
   * of floats take 16 KiB of the first-level cache.
   */
  private static final int CHUNK = 1024;

  /** Elements of W that one task reads, about. */
  private static final int ELEMENTS_PER_TASK = 64 << 10;

  private final Matrix c;
  private final float alpha;
  private final Matrix x;
  private final Matrix w;
  private final float beta;
  private final boolean pairs;
  private final int rowsPerTask;

  /** Elements of a row that whole vectors take. */
  private final int whole;

  private DotProducts(Matrix c, float alpha, Matrix x, Matrix w, float beta) {
    this.c = c;
    this.alpha = alpha;
    this.x = x;
    this.w = w;
    this.beta = beta;
    pairs = w.type() == DType.BF16;
    int step = pairs ? 2 * LANES : LANES;
    whole = w.columns() / step * step;
    rowsPerTask = Math.max(1, ELEMENTS_PER_TASK / TILE / w.columns()) * TILE;
  }

  /** Whether {@code C = A B} is of this kind: few rows of A, and columns of B contiguous along k. */
  static boolean suit(Matrix c, Matrix b) {
    return c.rows() <= MOST_ROWS && b.rowStride() == 1 && b.rows() >= LANES;
  }

  /** {@code C = alpha A B + beta C}, on all threads of the pool, or on the calling one alone when it is null. */
  static void run(Matrix c, float alpha, Matrix a, Matrix b, float beta, WorkerPool pool) {
    Matrix w = b.transposed();
    Matrix x = contiguousFloats(a, w.type() == DType.BF16);
    var products = new DotProducts(c, alpha, x, w, beta);
    if (products.pairs) {
      products.separatePairs();
    }
    int tasks = Math.ceilDiv(products.w.rows(), products.rowsPerTask);
    IntConsumer task = products::task;
    if (pool != null) {
      pool.run(tasks, task);
      return;
    }
    for (int i = 0; i < tasks; i++) {
      task.accept(i);
    }
  }

  /**
   * The rows of A as they are, or copied to the calling thread's buffer when they must be widened, gathered or changed.
   */
  private static Matrix contiguousFloats(Matrix a, boolean copied) {
    if (!copied && a.type() == DType.F32 && a.columnStride() == 1) {
      return a;
    }
    long copy = GemmBuffers.ofThread().b((long) a.rows() * a.columns());
    for (int i = 0; i < a.rows(); i++) {
      Packing.gatherFloats(a.addressOf(i, 0), a.type(), a.columnStride(), a.columns(), copy + 4L * i * a.columns());
    }
    return Matrix.rowMajor(copy, DType.F32, a.rows(), a.columns());
  }

  /** Brings the elements of X into the order in which halves of integers come: even ones, then odd ones. */
  private void separatePairs() {
    for (int i = 0; i < x.rows(); i++) {
      Interleaving.separatePairs(x.addressOf(i, 0), whole / (2 * LANES));
    }
  }

  private void task(int task) {
    GemmBuffers buffers = GemmBuffers.ofThread();
    int end = Math.min(w.rows(), (task + 1) * rowsPerTask);
    for (int row = task * rowsPerTask; row < end; row += TILE) {
      products(row, Math.min(TILE, end - row), buffers);
    }
  }

  /** Computes the columns [row, row + rows) of C. */
  private void products(int row, int rows, GemmBuffers buffers) {
    int depth = w.columns();
    float[] sums = buffers.sums;
    Arrays.fill(sums, 0f);
    boolean widened = !pairs && w.type() != DType.F32;
    int most = x.rows() <= FEW_ROWS && !widened ? Math.max(1, whole) : CHUNK;
    for (int k = 0; k < whole; k += most) {
      int chunk = Math.min(most, whole - k);
      long from = w.addressOf(row, k);
      long stride = 4 * w.rowStride();
      if (pairs) {
        stride = 2 * w.rowStride();
      } else if (widened) {
        stride = 4L * CHUNK;
        from = buffers.staging();
        for (int j = 0; j < rows; j++) {
          Widening.widen(w.type(), w.addressOf(row + j, k), chunk, from + j * stride);
        }
      }
      for (int i = 0; i < x.rows(); i += TILE) {
        accumulate(chunk, i, k, from, stride, rows, sums);
      }
    }
    for (int i = 0; i < x.rows(); i++) {
      for (int j = 0; j < rows; j++) {
        float sum = total(sums, (i * TILE + j) * LANES);
        for (int k = whole; k < depth; k++) {
          sum =
              Math.fma(
                  Widening.load(x.type(), x.addressOf(i, k)), Widening.load(w.type(), w.addressOf(row + j, k)), sum);
        }
        WriteBack.element(c.addressOf(i, row + j), alpha, sum, beta);
      }
    }
  }

  private void accumulate(int depth, int i, int k, long from, long stride, int rows, float[] sums) {
    long xStart = x.addressOf(i, k);
    int start = i * TILE * LANES;
    int xRows = x.rows() - i;
    int halves = pairs ? 1 : 0;
    if (xRows <= FEW_ROWS) {
      for (int j = 0; j < rows; j++) {
        for (int r = 0; r < xRows; r++) {
          long xRow = xStart + 4 * r * x.rowStride();
          oneRow(depth / LANES, halves, xRow, from + j * stride, sums, start + (r * TILE + j) * LANES);
        }
      }
    } else {
      fourRows(depth / LANES, halves, xStart, 4 * x.rowStride(), xRows, from, stride, rows, sums, start);
    }
  }

  /** Adds up a vector's worth of partial sums, halves onto halves; overwrites them. */
  private static float total(float[] sums, int start) {
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int l = 0; l < half; l++) {
        sums[start + l] += sums[start + l + half];
      }
    }
    return sums[start];
  }

  /**
   * Adds to 4 x 4 vectors of partial sums; where there are fewer rows, the last is taken again for the missing.
   *
   * @param parts vectors of X's floats
   * @param halves 0 where W's elements are floats, 1 where they are pairs of BF16 and a vector of it serves two of X
   */
  private static void fourRows(
      int parts,
      int halves,
      long x,
      long xStride,
      int xRows,
      long w,
      long wStride,
      int wRows,
      float[] sums,
      int start) {
    long x0 = x;
    long x1 = x + Math.min(1, xRows - 1) * xStride;
    long x2 = x + Math.min(2, xRows - 1) * xStride;
    long x3 = x + Math.min(3, xRows - 1) * xStride;
    long w0 = w;
    long w1 = w + Math.min(1, wRows - 1) * wStride;
    long w2 = w + Math.min(2, wRows - 1) * wStride;
    long w3 = w + Math.min(3, wRows - 1) * wStride;
    FloatVector s00 = FloatVector.fromArray(S, sums, start);
    FloatVector s01 = FloatVector.fromArray(S, sums, start + LANES);
    FloatVector s02 = FloatVector.fromArray(S, sums, start + 2 * LANES);
    FloatVector s03 = FloatVector.fromArray(S, sums, start + 3 * LANES);
    FloatVector s10 = FloatVector.fromArray(S, sums, start + 4 * LANES);
    FloatVector s11 = FloatVector.fromArray(S, sums, start + 5 * LANES);
    FloatVector s12 = FloatVector.fromArray(S, sums, start + 6 * LANES);
    FloatVector s13 = FloatVector.fromArray(S, sums, start + 7 * LANES);
    FloatVector s20 = FloatVector.fromArray(S, sums, start + 8 * LANES);
    FloatVector s21 = FloatVector.fromArray(S, sums, start + 9 * LANES);
    FloatVector s22 = FloatVector.fromArray(S, sums, start + 10 * LANES);
    FloatVector s23 = FloatVector.fromArray(S, sums, start + 11 * LANES);
    FloatVector s30 = FloatVector.fromArray(S, sums, start + 12 * LANES);
    FloatVector s31 = FloatVector.fromArray(S, sums, start + 13 * LANES);
    FloatVector s32 = FloatVector.fromArray(S, sums, start + 14 * LANES);
    FloatVector s33 = FloatVector.fromArray(S, sums, start + 15 * LANES);
    int mask = mask(halves);
    for (int part = 0; part < parts; part++) {
      long at = (long) BYTES * (part >> halves);
      int shift = shift(part, halves);
      FloatVector v0 = floats(w0 + at, shift, mask);
      FloatVector v1 = floats(w1 + at, shift, mask);
      FloatVector v2 = floats(w2 + at, shift, mask);
      FloatVector v3 = floats(w3 + at, shift, mask);
      FloatVector u = FloatVector.fromMemorySegment(S, MEMORY, x0 + (long) BYTES * part, ORDER);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      s02 = u.fma(v2, s02);
      s03 = u.fma(v3, s03);
      u = FloatVector.fromMemorySegment(S, MEMORY, x1 + (long) BYTES * part, ORDER);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      s12 = u.fma(v2, s12);
      s13 = u.fma(v3, s13);
      u = FloatVector.fromMemorySegment(S, MEMORY, x2 + (long) BYTES * part, ORDER);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      s22 = u.fma(v2, s22);
      s23 = u.fma(v3, s23);
      u = FloatVector.fromMemorySegment(S, MEMORY, x3 + (long) BYTES * part, ORDER);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
      s32 = u.fma(v2, s32);
      s33 = u.fma(v3, s33);
    }
    s00.intoArray(sums, start);
    s01.intoArray(sums, start + LANES);
    s02.intoArray(sums, start + 2 * LANES);
    s03.intoArray(sums, start + 3 * LANES);
    s10.intoArray(sums, start + 4 * LANES);
    s11.intoArray(sums, start + 5 * LANES);
    s12.intoArray(sums, start + 6 * LANES);
    s13.intoArray(sums, start + 7 * LANES);
    s20.intoArray(sums, start + 8 * LANES);
    s21.intoArray(sums, start + 9 * LANES);
    s22.intoArray(sums, start + 10 * LANES);
    s23.intoArray(sums, start + 11 * LANES);
    s30.intoArray(sums, start + 12 * LANES);
    s31.intoArray(sums, start + 13 * LANES);
    s32.intoArray(sums, start + 14 * LANES);
    s33.intoArray(sums, start + 15 * LANES);
  }

  /** Adds to a vector of partial sums of one row of X and one of W. */
  private static void oneRow(int parts, int halves, long x, long w, float[] sums, int start) {
    FloatVector sum = FloatVector.fromArray(S, sums, start);
    int mask = mask(halves);
    for (int part = 0; part < parts; part++) {
      FloatVector v = floats(w + (long) BYTES * (part >> halves), shift(part, halves), mask);
      sum = FloatVector.fromMemorySegment(S, MEMORY, x + (long) BYTES * part, ORDER).fma(v, sum);
    }
    sum.intoArray(sums, start);
  }

  /**
   * A vector of W's elements: the bits as they are, or of every pair of BF16 the lower or the upper, shifted up and
   * cleared of the other. One form for both, since a loop of its own for each would be the same but for this.
   */
  private static FloatVector floats(long address, int shift, int mask) {
    return IntVector.fromMemorySegment(Lanes.INTS, MEMORY, address, ORDER)
        .lanewise(LSHL, shift)
        .and(mask)
        .reinterpretAsFloats();
  }

  /** Even parts of a row of pairs are the lower halves of a vector, odd parts the upper ones. */
  private static int shift(int part, int halves) {
    return 16 * (halves & ~part);
  }

  private static int mask(int halves) {
    return halves == 0 ? -1 : 0xFFFF0000;
  }
}
