package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_STEP;
import static dev.cocktail.tensor.cpu.AttentionTiles.PANELS;
import static dev.cocktail.tensor.cpu.AttentionTiles.QUERY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.exp;
import static dev.cocktail.tensor.cpu.AttentionTiles.roundUp;
import static dev.cocktail.tensor.cpu.Floats.load;
import static dev.cocktail.tensor.cpu.Floats.splat;
import static dev.cocktail.tensor.cpu.Floats.store;
import static dev.cocktail.tensor.cpu.TileMath.COLUMNS;
import static dev.cocktail.tensor.cpu.TileMath.VECTOR;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The forward pass of attention, after FlashAttention (Dao et al., 2022): a block of queries walks over the blocks of keys
 * it may see, keeping for every query the largest score, the sum of exponentials and the weighted sum of values so far.
 * Blocks of queries are independent units of work.
 */
final class CpuAttention {
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
  static void run(
      WorkerPool pool, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
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
    int length = sequences.length(sequence);
    int rows = Math.min(QUERY_BLOCK, length - begin);
    int panels = (rows + COLUMNS - 1) / COLUMNS;
    int columnPanels = (d + COLUMNS - 1) / COLUMNS;

    long panelBytes = 2 * VECTOR * width;
    long keyBytes = 4L * KEY_BLOCK * width;
    long packed = AttentionTiles.scratch(2 * VECTOR * QUERY_BLOCK * columnPanels + 2 * PANELS * panelBytes
        + 2 * keyBytes + KEY_BLOCK * 2 * VECTOR + PANELS * 4 * VECTOR + VECTOR * Lanes.COUNT);
    long queries = packed + 2 * VECTOR * QUERY_BLOCK * columnPanels;
    long sums = queries + PANELS * panelBytes;
    long keys = sums + PANELS * panelBytes;
    long values = keys + keyBytes;
    long scores = values + keyBytes;
    long statistics = scores + KEY_BLOCK * 2 * VECTOR;
    long square = statistics + PANELS * 4 * VECTOR;

    long firstRow = qkv + sequences.offset(sequence) * qkvBytes;
    AttentionTiles.packPanels(packed, QUERY_BLOCK, panels * COLUMNS, firstRow + begin * qkvBytes + 4L * head * d, qkvBytes, rows, d,
        (float) shape.scale());
    for (int p = 0; p < panels; p++) {
      AttentionTiles.transposePanel(queries + p * panelBytes, packed, QUERY_BLOCK, p * COLUMNS, d);
      clear(sums + p * panelBytes, statistics + p * 4 * VECTOR);
    }

    int kvHead = head / (shape.heads() / shape.kvHeads());
    long firstKeyRow = firstRow + 4L * (shape.queryWidth() + kvHead * d);
    int keysEnd = begin + rows;
    int firstBlock = AttentionTiles.firstKey(begin, shape.window()) / KEY_BLOCK * KEY_BLOCK;
    for (int k0 = firstBlock; k0 < keysEnd; k0 += KEY_BLOCK) {
      int count = Math.min(KEY_BLOCK, keysEnd - k0);
      long keyRow = firstKeyRow + k0 * qkvBytes;
      AttentionTiles.packRows(keys, width, keyRow, qkvBytes, count, d);
      AttentionTiles.packRows(values, width, keyRow + 4L * shape.kvWidth(), qkvBytes, count, d);
      for (int p = 0; p < panels; p++) {
        int q0 = begin + p * COLUMNS;
        int from = Math.max(0, AttentionTiles.firstKey(q0, shape.window()) / KEY_STEP * KEY_STEP - k0);
        int to = Math.min(count, q0 + COLUMNS - k0);
        if (from < to) {
          TileMath.multiply(scores, COLUMNS, false, keys + 4L * from * width, width, queries + p * panelBytes, COLUMNS,
              to - from, d);
          AttentionTiles.mask(scores, COLUMNS, k0 + from - q0, k0 + to - q0, shape.window());
          long panelSums = sums + p * panelBytes;
          softmax(scores, to - from, statistics + p * 4 * VECTOR, panelSums);
          TileMath.multiplyTransposed(panelSums, COLUMNS, true, values + 4L * from * width, width, scores, COLUMNS, d,
              to - from);
        }
      }
    }
    for (int p = 0; p < panels; p++) {
      int token = sequences.offset(sequence) + begin + p * COLUMNS;
      finish(token, Math.min(COLUMNS, rows - p * COLUMNS), head, statistics + p * 4 * VECTOR, sums + p * panelBytes,
          square);
    }
  }

  private void clear(long panelSums, long statistics) {
    AttentionTiles.fill(panelSums, 2 * width, 0f);
    AttentionTiles.fill(statistics, 2, Float.NEGATIVE_INFINITY);
    AttentionTiles.fill(statistics + 2 * VECTOR, 2, 0f);
  }

  /** Turns scores into exponentials relative to the largest score so far, and what was summed before as well. */
  private void softmax(long scores, int keys, long statistics, long panelSums) {
    boolean changed = false;
    for (int half = 0; half < 2; half++) {
      long column = scores + half * VECTOR;
      FloatVector before = load(statistics + half * VECTOR);
      FloatVector largest = largest(column, keys, before);
      // A query that has seen no key yet keeps minus infinity; 0 in its place gives exponentials of 0, not of NaN.
      FloatVector origin = largest.blend(0f, largest.compare(VectorOperators.EQ, Float.NEGATIVE_INFINITY));
      FloatVector sum = exponentials(column, keys, origin);
      FloatVector shrink = exp(before.sub(origin));
      store(statistics + half * VECTOR, largest);
      store(statistics + (2 + half) * VECTOR, load(statistics + (2 + half) * VECTOR).fma(shrink, sum));
      if (shrink.compare(VectorOperators.NE, 1f).anyTrue()) {
        rescale(panelSums + half * VECTOR, shrink);
      }
    }
  }

  private static FloatVector largest(long column, int keys, FloatVector before) {
    FloatVector a = before;
    FloatVector b = before;
    int j = 0;
    for (; j + 1 < keys; j += 2) {
      a = larger(a, load(column + j * 2 * VECTOR));
      b = larger(b, load(column + (j + 1) * 2 * VECTOR));
    }
    if (j < keys) {
      a = larger(a, load(column + j * 2 * VECTOR));
    }
    return larger(a, b);
  }

  /** Not-a-number is passed over here; it comes back through the exponentials. */
  private static FloatVector larger(FloatVector a, FloatVector b) {
    return a.blend(b, b.compare(VectorOperators.GT, a));
  }

  private static FloatVector exponentials(long column, int keys, FloatVector origin) {
    FloatVector sum = splat(0f);
    for (int j = 0; j < keys; j++) {
      FloatVector p = exp(load(column + j * 2 * VECTOR).sub(origin));
      store(column + j * 2 * VECTOR, p);
      sum = sum.add(p);
    }
    return sum;
  }

  private void rescale(long column, FloatVector factor) {
    for (int e = 0; e < d; e++) {
      store(column + e * 2 * VECTOR, load(column + e * 2 * VECTOR).mul(factor));
    }
  }

  private void finish(int token, int rows, int head, long statistics, long panelSums, long square) {
    for (int i = 0; i < rows; i++) {
      // Math.log gives equal bits whether or not it is compiled, which a vector logarithm does not promise.
      double logSum = Floats.get(statistics + 4L * i) + Math.log(Floats.get(statistics + 2 * VECTOR + 4L * i));
      Floats.set(lse + 4L * ((long) (token + i) * shape.heads() + head), (float) logSum);
    }
    long sums = statistics + 2 * VECTOR;
    store(sums, splat(1f).div(load(sums)));
    store(sums + VECTOR, splat(1f).div(load(sums + VECTOR)));
    long outBytes = 4L * shape.queryWidth();
    AttentionTiles.storeTransposed(out + token * outBytes + 4L * head * d, outBytes, panelSums, rows, d, sums, square);
  }
}
