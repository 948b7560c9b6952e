package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Floats.load;
import static dev.cocktail.tensor.cpu.Floats.splat;
import static dev.cocktail.tensor.cpu.Floats.store;
import static dev.cocktail.tensor.cpu.TileMath.COLUMNS;
import static dev.cocktail.tensor.cpu.TileMath.VECTOR;

import dev.cocktail.tensor.Sequences;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * What forward and backward attention share: how a sequence is cut into tiles, and how rows of heads get into and out of
 * them.
 *
 * <p>Scores are held transposed, keys down and queries across, so that a softmax over keys works on whole vectors of
 * queries and the only operands that have to be transposed are those of the queries, once a query block. Tiles are cut at
 * multiples of fixed sizes counted from the start of a sequence: what a sequence computes depends on nothing around it.
 */
final class AttentionTiles {
  /** Queries of a block; a multiple of {@link #KEY_BLOCK} and of every {@link TileMath#COLUMNS}. */
  static final int QUERY_BLOCK = 128;

  /** Keys of a block. */
  static final int KEY_BLOCK = 64;

  /** Panels of {@link TileMath#COLUMNS} queries in a block of queries. */
  static final int PANELS = QUERY_BLOCK / COLUMNS;

  /** First keys of tiles are multiples of this. */
  static final int KEY_STEP = 2 * TileMath.ROWS;

  private static final float LOG2_E = 0x1.715476p0f;
  // ln 2 in two pieces; n times the first is exact for |n| < 2^9.
  private static final float LN_2_HIGH = 0.693359375f;
  private static final float LN_2_LOW = -2.12194440e-4f;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  private static final float ROUNDER = 0x1.8p23f;
  // Below, the result would be less than the smallest normal number.
  private static final float UNDERFLOW = -87.33f;

  private static final IntVector LANE = IntVector.zero(Lanes.INTS).addIndex(1);

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private AttentionTiles() {}

  /** Memory of one thread, kept from call to call. */
  private static final class Scratch {
    private MemorySegment segment = MemorySegment.NULL;

    long address(long bytes) {
      if (segment.byteSize() < bytes) {
        segment = Arena.ofAuto().allocate(bytes, 64);
      }
      return segment.address();
    }
  }

  /** At least so many bytes that belong to the calling thread until it asks again; aligned to a vector, not cleared. */
  static long scratch(long bytes) {
    return SCRATCH.get().address(bytes);
  }

  /** {@code n} rounded up to a multiple of {@code step}. */
  static int roundUp(int n, int step) {
    return (n + step - 1) / step * step;
  }

  /** The first key that query {@code i} sees. */
  static int firstKey(int i, int window) {
    return (int) Math.max(0, (long) i - window + 1);
  }

  /** Where each sequence's blocks of {@code size} tokens begin in a numbering of all blocks; [count + 1]. */
  static int[] blockOffsets(Sequences sequences, int size) {
    int[] offsets = new int[sequences.count() + 1];
    for (int b = 0; b < sequences.count(); b++) {
      int blocks = (int) (((long) sequences.length(b) + size - 1) / size);
      offsets[b + 1] = Math.addExact(offsets[b], blocks);
    }
    return offsets;
  }

  /** The sequence that block number {@code block} of {@link #blockOffsets} belongs to. */
  static int sequenceOf(int[] blockOffsets, int block) {
    int found = Arrays.binarySearch(blockOffsets, block);
    if (found < 0) {
      return -found - 2;
    }
    // Empty sequences share their offset with the one that follows.
    while (blockOffsets[found + 1] == block) {
      found++;
    }
    return found;
  }

  /**
   * Copies {@code d} floats of each of {@code rows} rows into rows of {@code width} floats, the rest of which become 0.
   *
   * @param width a multiple of the vector length
   */
  static void packRows(long target, int width, long source, long sourceBytes, int rows, int d) {
    for (int r = 0; r < rows; r++) {
      long to = target + 4L * r * width;
      copyRow(to, source + r * sourceBytes, d);
      for (int e = d; e < width; e++) {
        Floats.set(to + 4L * e, 0f);
      }
    }
  }

  /** Copies rows back from {@link #packRows}. */
  static void unpackRows(long target, long targetBytes, long source, int width, int rows, int d) {
    for (int r = 0; r < rows; r++) {
      copyRow(target + r * targetBytes, source + 4L * r * width, d);
    }
  }

  static void copyRow(long target, long source, int d) {
    int whole = d / Lanes.COUNT;
    for (int v = 0; v < whole; v++) {
      store(target + v * VECTOR, load(source + v * VECTOR));
    }
    for (int e = whole * Lanes.COUNT; e < d; e++) {
      Floats.set(target + 4L * e, Floats.get(source + 4L * e));
    }
  }

  /**
   * Cuts rows of {@code d} floats into panels of {@link TileMath#COLUMNS} columns, times {@code factor}; what lies beyond
   * d, and rows from {@code rows} up to {@code paddedRows}, become 0.
   *
   * @param panelRows rows that a panel has room for
   */
  static void packPanels(long target, int panelRows, int paddedRows, long source, long sourceBytes, int rows, int d,
      float factor) {
    int whole = d / Lanes.COUNT;
    int vectors = roundUp(d, COLUMNS) / Lanes.COUNT;
    long panelBytes = 2 * VECTOR * panelRows;
    for (int r = 0; r < paddedRows; r++) {
      long from = source + r * sourceBytes;
      long to = target + 2 * VECTOR * r;
      int copied = r < rows ? whole : 0;
      for (int v = 0; v < copied; v++) {
        store(to + (v >> 1) * panelBytes + (v & 1) * VECTOR, load(from + v * VECTOR).mul(factor));
      }
      for (int v = copied; v < vectors; v++) {
        store(to + (v >> 1) * panelBytes + (v & 1) * VECTOR, splat(0f));
      }
      if (r < rows) {
        long tail = to + (whole >> 1) * panelBytes + (whole & 1) * VECTOR;
        for (int e = 0; e < d - whole * Lanes.COUNT; e++) {
          Floats.set(tail + 4L * e, Floats.get(from + whole * VECTOR + 4L * e) * factor);
        }
      }
    }
  }

  /**
   * Transposes COLUMNS rows of {@link #packPanels} to {@code [d rounded up to whole vectors, COLUMNS]}.
   *
   * @param source the panels
   * @param panelRows rows that each of them has room for
   */
  static void transposePanel(long target, long source, int panelRows, int firstRow, int d) {
    for (int v = 0; v * Lanes.COUNT < d; v++) {
      long from = source + 2 * VECTOR * ((v >> 1) * panelRows + firstRow) + (v & 1) * VECTOR;
      long to = target + 2 * VECTOR * v * Lanes.COUNT;
      TileMath.transposeSquare(to, COLUMNS, from, COLUMNS);
      TileMath.transposeSquare(to + VECTOR, COLUMNS, from + 2 * VECTOR * Lanes.COUNT, COLUMNS);
    }
  }

  /**
   * Writes a transposed panel {@code [d, COLUMNS]} as {@code rows} rows of {@code d} floats, each column times its factor.
   *
   * @param factors COLUMNS floats
   * @param square room for {@code Lanes.COUNT}^2 floats
   */
  static void storeTransposed(
      long target, long targetBytes, long panel, int rows, int d, long factors, long square) {
    for (int e = 0; e < d; e++) {
      long row = panel + 2 * VECTOR * e;
      store(row, load(row).mul(load(factors)));
      store(row + VECTOR, load(row + VECTOR).mul(load(factors + VECTOR)));
    }
    for (int half = 0; half * Lanes.COUNT < rows; half++) {
      int rowsHere = Math.min(Lanes.COUNT, rows - half * Lanes.COUNT);
      for (int v = 0; v * Lanes.COUNT < d; v++) {
        TileMath.transposeSquare(square, Lanes.COUNT, panel + 2 * VECTOR * v * Lanes.COUNT + half * VECTOR, COLUMNS);
        int columns = Math.min(Lanes.COUNT, d - v * Lanes.COUNT);
        long to = target + half * Lanes.COUNT * targetBytes + v * VECTOR;
        for (int r = 0; r < rowsHere; r++) {
          if (columns == Lanes.COUNT) {
            store(to + r * targetBytes, load(square + r * VECTOR));
          } else {
            for (int e = 0; e < columns; e++) {
              Floats.set(to + r * targetBytes + 4L * e, Floats.get(square + r * VECTOR + 4L * e));
            }
          }
        }
      }
    }
  }

  /**
   * Sets the scores that a query must not see to minus infinity.
   *
   * @param scores of keys {@code [from, to)} down, {@code stride} floats apart, and COLUMNS queries across
   * @param from first key, counted from the first query
   * @param to past the last key, counted from the first query
   */
  static void mask(long scores, int stride, int from, int to, int window) {
    for (int j = from; j < to; j++) {
      // Query i sees key j where 0 <= i - j < window.
      boolean hidden = j > 0 || (long) j + window < COLUMNS;
      if (hidden) {
        long row = scores + 4L * (j - from) * stride;
        int past = (int) Math.min((long) j + window, COLUMNS);
        store(row, maskLanes(load(row), j, past));
        store(row + VECTOR, maskLanes(load(row + VECTOR), j - Lanes.COUNT, past - Lanes.COUNT));
      }
    }
  }

  private static FloatVector maskLanes(FloatVector s, int firstLane, int pastLane) {
    var hidden = LANE.compare(VectorOperators.LT, firstLane).or(LANE.compare(VectorOperators.GE, pastLane));
    return s.blend(Float.NEGATIVE_INFINITY, hidden.cast(Lanes.FLOATS));
  }

  /**
   * e to the power of x, for x that are not large: to about 1 ulp, exactly 0 below the normal numbers and at minus
   * infinity, not-a-number kept. x is reduced to {@code r = x - n ln 2}, |r| at most (ln 2) / 2, and the Taylor polynomial
   * of degree 7 is scaled by 2^n in its exponent. Shorter than the general function, which softmax does not need.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector shifted = x.fma(splat(LOG2_E), splat(ROUNDER));
    FloatVector n = shifted.sub(splat(ROUNDER));
    FloatVector r = n.fma(splat(-LN_2_LOW), n.fma(splat(-LN_2_HIGH), x));
    FloatVector y = r.fma(splat(1f / 5040), splat(1f / 720));
    y = y.fma(r, splat(1f / 120));
    y = y.fma(r, splat(1f / 24));
    y = y.fma(r, splat(1f / 6));
    y = y.fma(r, splat(0.5f));
    y = y.fma(r, splat(1f));
    y = y.fma(r, splat(1f));
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector scaled = y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return scaled.blend(0f, x.compare(VectorOperators.LT, UNDERFLOW));
  }

  /** Sets so many vectors to one value. */
  static void fill(long target, int vectors, float value) {
    FloatVector v = splat(value);
    for (int i = 0; i < vectors; i++) {
      store(target + i * VECTOR, v);
    }
  }

  /** Sums of products whose lanes together are the dot product of two rows of {@code d} floats. */
  static FloatVector partialDot(long a, long b, int d) {
    int whole = d / Lanes.COUNT;
    FloatVector sum = splat(0f);
    for (int v = 0; v < whole; v++) {
      sum = load(a + v * VECTOR).fma(load(b + v * VECTOR), sum);
    }
    if (whole * Lanes.COUNT < d) {
      float tail = 0;
      for (int e = whole * Lanes.COUNT; e < d; e++) {
        tail = Math.fma(Floats.get(a + 4L * e), Floats.get(b + 4L * e), tail);
      }
      sum = sum.add(splat(0f).withLane(0, tail));
    }
    return sum;
  }
}
