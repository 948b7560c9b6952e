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
 * What forward and backward attention share: how a sequence is cut into tiles, and how rows of heads get into and out
 * of them.
 *
 * <p>Scores are held transposed, keys down and queries across, so that a softmax over keys works on whole vectors of
 * queries and the only operands that have to be transposed are those of the queries, once a query block. Tiles are cut
 * at multiples of fixed sizes counted from the start of a sequence: what a sequence computes depends on nothing around
 * it.
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

  private static final IntVector LANE = IntVector.zero(Lanes.INTS).addIndex(1);

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private AttentionTiles() {}

  /** Memory of one thread, kept from call to call and not cleared in between. */
  static final class Scratch {
    private MemorySegment segment = MemorySegment.NULL;
    private float[] array = {};

    /** Address of at least so many bytes, aligned to a vector; the same memory in every call. */
    long address(long bytes) {
      if (segment.byteSize() < bytes) {
        segment = Arena.ofAuto().allocate(bytes, 64);
      }
      return segment.address();
    }

    /** At least so many floats; the same array in every call. */
    float[] array(int floats) {
      if (array.length < floats) {
        array = new float[floats];
      }
      return array;
    }
  }

  /** The calling thread's memory. */
  static Scratch scratch() {
    return SCRATCH.get();
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
   * Copies {@code d} floats of each of {@code rows} rows in memory into rows of {@code width} floats, the rest of which
   * become 0.
   *
   * @param width at least d
   */
  static void packRows(float[] target, int start, int width, long source, long sourceBytes, int rows, int d) {
    for (int r = 0; r < rows; r++) {
      int to = start + r * width;
      long from = source + r * sourceBytes;
      int e = 0;
      for (; e <= d - Lanes.COUNT; e += Lanes.COUNT) {
        load(from + 4L * e).intoArray(target, to + e);
      }
      for (; e < d; e++) {
        target[to + e] = Floats.get(from + 4L * e);
      }
      for (; e < width; e++) {
        target[to + e] = 0f;
      }
    }
  }

  /** Copies rows back from {@link #packRows}. */
  static void unpackRows(long target, long targetBytes, float[] source, int start, int width, int rows, int d) {
    for (int r = 0; r < rows; r++) {
      int from = start + r * width;
      long to = target + r * targetBytes;
      int e = 0;
      for (; e <= d - Lanes.COUNT; e += Lanes.COUNT) {
        store(to + 4L * e, FloatVector.fromArray(Lanes.FLOATS, source, from + e));
      }
      for (; e < d; e++) {
        Floats.set(to + 4L * e, source[from + e]);
      }
    }
  }

  /**
   * Cuts rows of {@code d} floats into panels of {@link TileMath#COLUMNS} columns, times {@code factor}; what lies
   * beyond d, and rows from {@code rows} up to {@code paddedRows}, become 0.
   *
   * @param panelRows rows that a panel has room for
   */
  static void packPanels(
      long target, int panelRows, int paddedRows, long source, long sourceBytes, int rows, int d, float factor) {
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
    long scratch = GemmBuffers.ofThread().scratch();
    for (int v = 0; v * Lanes.COUNT < d; v++) {
      long from = source + 2 * VECTOR * ((v >> 1) * panelRows + firstRow) + (v & 1) * VECTOR;
      long to = target + 2 * VECTOR * v * Lanes.COUNT;
      for (int half = 0; half < 2; half++) {
        long rows = from + 2 * VECTOR * half * Lanes.COUNT;
        Interleaving.transpose(rows, 2 * VECTOR, to + half * VECTOR, 2 * VECTOR, scratch);
      }
    }
  }

  /**
   * Writes a transposed panel {@code [d, COLUMNS]} as {@code rows} rows of {@code d} floats, each column times its
   * factor.
   *
   * @param factors where in the same array COLUMNS floats begin
   * @param spare address of room for d rounded up to whole vectors, times COLUMNS, and a square of vectors
   */
  static void storeTransposed(
      long target, long targetBytes, float[] panel, int start, int rows, int d, int factors, long spare) {
    scaleRows(spare, panel, start, d, factors);
    long square = spare + 2 * VECTOR * roundUp(d, Lanes.COUNT);
    long scratch = GemmBuffers.ofThread().scratch();
    for (int half = 0; half * Lanes.COUNT < rows; half++) {
      int rowsHere = Math.min(Lanes.COUNT, rows - half * Lanes.COUNT);
      for (int e = 0; e < d; e += Lanes.COUNT) {
        long from = spare + 2 * VECTOR * e + half * VECTOR;
        Interleaving.transpose(from, 2 * VECTOR, square, VECTOR, scratch);
        int columns = Math.min(Lanes.COUNT, d - e);
        storeSquare(target + half * Lanes.COUNT * targetBytes + 4L * e, targetBytes, square, rowsHere, columns);
      }
    }
  }

  private static void scaleRows(long target, float[] panel, int start, int d, int factors) {
    FloatVector low = FloatVector.fromArray(Lanes.FLOATS, panel, factors);
    FloatVector high = FloatVector.fromArray(Lanes.FLOATS, panel, factors + Lanes.COUNT);
    for (int e = 0; e < d; e++) {
      int from = start + e * COLUMNS;
      store(target + 2 * VECTOR * e, FloatVector.fromArray(Lanes.FLOATS, panel, from).mul(low));
      store(target + 2 * VECTOR * e + VECTOR, FloatVector.fromArray(Lanes.FLOATS, panel, from + Lanes.COUNT).mul(high));
    }
  }

  private static void storeSquare(long target, long targetBytes, long square, int rows, int columns) {
    for (int r = 0; r < rows; r++) {
      if (columns == Lanes.COUNT) {
        store(target + r * targetBytes, load(square + r * VECTOR));
      } else {
        for (int e = 0; e < columns; e++) {
          Floats.set(target + r * targetBytes + 4L * e, Floats.get(square + r * VECTOR + 4L * e));
        }
      }
    }
  }

  /**
   * Sets the scores that a query must not see to minus infinity.
   *
   * @param scores from {@code start} on, of keys {@code [from, to)} down, {@code stride} floats apart, and COLUMNS
   *     queries across
   * @param from first key, counted from the first query
   * @param to past the last key, counted from the first query
   */
  static void mask(float[] scores, int start, int stride, int from, int to, int window) {
    for (int j = from; j < to; j++) {
      // Query i sees key j where 0 <= i - j < window.
      if (j > 0 || (long) j + window < COLUMNS) {
        int row = start + (j - from) * stride;
        int past = (int) Math.min((long) j + window, COLUMNS);
        maskLanes(scores, row, j, past);
        maskLanes(scores, row + Lanes.COUNT, j - Lanes.COUNT, past - Lanes.COUNT);
      }
    }
  }

  private static void maskLanes(float[] scores, int at, int firstLane, int pastLane) {
    var hidden = LANE.compare(VectorOperators.LT, firstLane).or(LANE.compare(VectorOperators.GE, pastLane));
    FloatVector s = FloatVector.fromArray(Lanes.FLOATS, scores, at);
    s.blend(Float.NEGATIVE_INFINITY, hidden.cast(Lanes.FLOATS)).intoArray(scores, at);
  }

  /** Copies {@code n} floats, a multiple of the vector length. */
  static void copy(long target, float[] source, int start, int n) {
    for (int e = 0; e < n; e += Lanes.COUNT) {
      store(target + 4L * e, FloatVector.fromArray(Lanes.FLOATS, source, start + e));
    }
  }

  /** Copies {@code n} floats from one address to another. */
  static void copy(long target, long source, int n) {
    int e = 0;
    for (; e <= n - Lanes.COUNT; e += Lanes.COUNT) {
      store(target + 4L * e, load(source + 4L * e));
    }
    for (; e < n; e++) {
      Floats.set(target + 4L * e, Floats.get(source + 4L * e));
    }
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
