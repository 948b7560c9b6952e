package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_STEP;
import static dev.cocktail.tensor.cpu.AttentionTiles.PANELS;
import static dev.cocktail.tensor.cpu.AttentionTiles.QUERY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.roundUp;
import static dev.cocktail.tensor.cpu.TileMath.COLUMNS;
import static dev.cocktail.tensor.cpu.TileMath.VECTOR;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The forward pass of attention, after FlashAttention (Dao et al., 2022): a block of queries walks over the blocks of
 * keys it may see, keeping for every query the largest score, the sum of exponentials and the weighted sum of values so
 * far. Blocks of queries are independent units of work.
 */
final class CpuAttention {
  /**
   * Rows of COLUMNS floats of a panel of queries: largest score so far, then sum and origin of exponentials, factors.
   */
  private static final int STATISTICS = 5 * COLUMNS;

  private static final int SUMS = COLUMNS;
  private static final int ORIGINS = 2 * COLUMNS;
  private static final int FACTORS = 3 * COLUMNS;
  private static final int UNUSED = 4 * COLUMNS;

  private final int[] blockOffsets;
  private final Sequences sequences;
  private final AttentionShape shape;
  private final long out;
  private final long lse;
  private final long qkv;
  private final int d;

  /** d rounded up to whole vectors. */
  private final int width;

  private CpuAttention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    this.blockOffsets = AttentionTiles.blockOffsets(sequences, QUERY_BLOCK);
    this.sequences = sequences;
    this.shape = shape;
    this.out = Floats.at(out);
    this.lse = Floats.at(lse);
    this.qkv = Floats.at(qkv);
    this.d = shape.headDim();
    this.width = roundUp(d, Lanes.COUNT);
  }

  /** {@link dev.cocktail.tensor.Ops#attention} on F32. */
  static void run(WorkerPool pool, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    var attention = new CpuAttention(out, lse, qkv, sequences, shape);
    int blocks = attention.blockOffsets[sequences.count()];
    pool.run(Math.multiplyExact(blocks, shape.heads()), unit -> attention.unit(blocks, unit));
  }

  /** The last blocks see the most keys: they go first, so that no thread is left alone with one at the end. */
  private void unit(int blocks, int unit) {
    int block = blocks - 1 - unit / shape.heads();
    int sequence = AttentionTiles.sequenceOf(blockOffsets, block);
    block(sequence, (block - blockOffsets[sequence]) * QUERY_BLOCK, unit % shape.heads());
  }

  /** Queries [begin, begin + QUERY_BLOCK) of a sequence, as far as they exist, of one head. */
  private void block(int sequence, int begin, int head) {
    long qkvBytes = 4L * shape.qkvWidth();
    int rows = Math.min(QUERY_BLOCK, sequences.length(sequence) - begin);
    int panels = (rows + COLUMNS - 1) / COLUMNS;

    AttentionTiles.Scratch scratch = AttentionTiles.scratch();
    long panelBytes = 2 * VECTOR * width;
    long squareBytes = VECTOR * Lanes.COUNT;
    long rowBytes = 4L * QUERY_BLOCK * roundUp(d, COLUMNS);
    long packed = scratch.address(rowBytes + PANELS * panelBytes + KEY_BLOCK * 2 * VECTOR + panelBytes + squareBytes);
    long queries = packed + rowBytes;
    long weights = queries + PANELS * panelBytes;
    long spare = weights + KEY_BLOCK * 2 * VECTOR;

    int panelSize = COLUMNS * width;
    int keys = PANELS * panelSize;
    int values = keys + KEY_BLOCK * width;
    int scores = values + KEY_BLOCK * width;
    int statistics = scores + KEY_BLOCK * COLUMNS;
    float[] tiles = scratch.array(statistics + PANELS * STATISTICS);

    long firstRow = qkv + sequences.offset(sequence) * qkvBytes;
    AttentionTiles.packPanels(
        packed,
        QUERY_BLOCK,
        panels * COLUMNS,
        firstRow + begin * qkvBytes + 4L * head * d,
        qkvBytes,
        rows,
        d,
        (float) shape.scale());
    for (int p = 0; p < panels; p++) {
      AttentionTiles.transposePanel(queries + p * panelBytes, packed, QUERY_BLOCK, p * COLUMNS, d);
      int largest = statistics + p * STATISTICS;
      Arrays.fill(tiles, largest, largest + COLUMNS, Float.NEGATIVE_INFINITY);
      Arrays.fill(tiles, largest + SUMS, largest + SUMS + COLUMNS, 0f);
    }
    Arrays.fill(tiles, 0, panels * panelSize, 0f);

    int kvHead = head / (shape.heads() / shape.kvHeads());
    long firstKeyRow = firstRow + 4L * (shape.queryWidth() + kvHead * d);
    int keysEnd = begin + rows;
    int firstBlock = AttentionTiles.firstKey(begin, shape.window()) / KEY_BLOCK * KEY_BLOCK;
    for (int k0 = firstBlock; k0 < keysEnd; k0 += KEY_BLOCK) {
      int count = Math.min(KEY_BLOCK, keysEnd - k0);
      long keyRow = firstKeyRow + k0 * qkvBytes;
      AttentionTiles.packRows(tiles, keys, width, keyRow, qkvBytes, count, d);
      AttentionTiles.packRows(tiles, values, width, keyRow + 4L * shape.kvWidth(), qkvBytes, count, d);
      for (int p = 0; p < panels; p++) {
        int q0 = begin + p * COLUMNS;
        int from = Math.max(0, AttentionTiles.firstKey(q0, shape.window()) / KEY_STEP * KEY_STEP - k0);
        int to = Math.min(count, q0 + COLUMNS - k0);
        if (from < to) {
          TileMath.multiply(
              tiles,
              scores,
              COLUMNS,
              false,
              tiles,
              keys + from * width,
              width,
              queries + p * panelBytes,
              2 * VECTOR,
              to - from,
              d);
          AttentionTiles.mask(tiles, scores, COLUMNS, k0 + from - q0, k0 + to - q0, shape.window());
          int panelStatistics = statistics + p * STATISTICS;
          rebase(tiles, scores, to - from, panelStatistics, p * panelSize);
          Exponentials.tile(tiles, scores, COLUMNS, to - from, panelStatistics + ORIGINS, panelStatistics + SUMS);
          AttentionTiles.copy(weights, tiles, scores, (to - from) * COLUMNS);
          TileMath.multiplyTransposed(
              tiles,
              p * panelSize,
              COLUMNS,
              true,
              tiles,
              values + from * width,
              width,
              weights,
              2 * VECTOR,
              d,
              to - from);
        }
      }
    }
    for (int p = 0; p < panels; p++) {
      int token = sequences.offset(sequence) + begin + p * COLUMNS;
      finish(
          token, Math.min(COLUMNS, rows - p * COLUMNS), head, tiles, statistics + p * STATISTICS, p * panelSize, spare);
    }
  }

  /**
   * Takes the largest scores of a tile into account: what was summed so far is brought to the new origin of
   * exponentials.
   *
   * @param sums where the panel's weighted sums of values begin
   */
  private void rebase(float[] tiles, int scores, int keys, int statistics, int sums) {
    boolean low = raise(tiles, scores, keys, statistics);
    boolean high = raise(tiles, scores + Lanes.COUNT, keys, statistics + Lanes.COUNT);
    if (low || high) {
      int factors = statistics + FACTORS;
      Exponentials.tile(tiles, factors, COLUMNS, 1, statistics + ORIGINS, statistics + UNUSED);
      rescale(tiles, statistics + SUMS, 1, factors);
      rescale(tiles, sums, d, factors);
    }
  }

  /** Finds the new largest scores, leaving the former ones where factors belong; returns whether there are any. */
  private static boolean raise(float[] tiles, int column, int keys, int at) {
    FloatVector before = FloatVector.fromArray(Lanes.FLOATS, tiles, at);
    FloatVector a = before;
    FloatVector b = before;
    int j = 0;
    for (; j + 1 < keys; j += 2) {
      a = larger(a, FloatVector.fromArray(Lanes.FLOATS, tiles, column + j * COLUMNS));
      b = larger(b, FloatVector.fromArray(Lanes.FLOATS, tiles, column + (j + 1) * COLUMNS));
    }
    if (j < keys) {
      a = larger(a, FloatVector.fromArray(Lanes.FLOATS, tiles, column + j * COLUMNS));
    }
    FloatVector largest = larger(a, b);
    largest.intoArray(tiles, at);
    before.intoArray(tiles, at + FACTORS);
    // A query that has seen no key yet keeps minus infinity; 0 in its place gives exponentials of 0, not of NaN.
    FloatVector origin = largest.blend(0f, largest.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
    origin.intoArray(tiles, at + ORIGINS);
    return largest.compare(VectorOperators.NE, before).anyTrue();
  }

  /** Not-a-number is passed over here; it comes back through the exponentials. */
  private static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  /** Multiplies rows of COLUMNS floats by a row of factors. */
  private static void rescale(float[] tiles, int start, int rows, int factors) {
    FloatVector low = FloatVector.fromArray(Lanes.FLOATS, tiles, factors);
    FloatVector high = FloatVector.fromArray(Lanes.FLOATS, tiles, factors + Lanes.COUNT);
    for (int r = 0; r < rows; r++) {
      int at = start + r * COLUMNS;
      FloatVector.fromArray(Lanes.FLOATS, tiles, at).mul(low).intoArray(tiles, at);
      FloatVector.fromArray(Lanes.FLOATS, tiles, at + Lanes.COUNT).mul(high).intoArray(tiles, at + Lanes.COUNT);
    }
  }

  private void finish(int token, int rows, int head, float[] tiles, int statistics, int panel, long spare) {
    for (int i = 0; i < rows; i++) {
      // Math.log gives equal bits whether or not it is compiled, which a vector logarithm does not promise.
      double logSum = tiles[statistics + i] + Math.log(tiles[statistics + SUMS + i]);
      Floats.set(lse + 4L * ((long) (token + i) * shape.heads() + head), (float) logSum);
    }
    int factors = statistics + FACTORS;
    for (int i = 0; i < COLUMNS; i++) {
      tiles[factors + i] = 1 / tiles[statistics + SUMS + i];
    }
    long outBytes = 4L * shape.queryWidth();
    AttentionTiles.storeTransposed(
        out + token * outBytes + 4L * head * d, outBytes, tiles, panel, rows, d, factors, spare);
  }
}
