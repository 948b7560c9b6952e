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

/**
 * The backward pass of attention: scores are computed again and turned into probabilities by the saved logarithm of their
 * sum. A unit of work is a sequence and a key/value head; it walks over the query heads that share the keys, over blocks
 * of queries, over blocks of keys, and so owns every gradient it adds to.
 */
final class CpuAttentionBackward {
  private final Sequences sequences;
  private final AttentionShape shape;
  private final long dQkv;
  private final long dOut;
  private final long out;
  private final long lse;
  private final long qkv;
  private final int d;
  /** d rounded up to whole vectors. */
  private final int width;
  /** d rounded up to whole panels of columns. */
  private final int gradientWidth;
  private final long qkvBytes;
  private final long outBytes;
  private final Layout layout;

  private CpuAttentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    this.sequences = sequences;
    this.shape = shape;
    this.dQkv = Floats.at(dQkv);
    this.dOut = Floats.at(dOut);
    this.out = Floats.at(out);
    this.lse = Floats.at(lse);
    this.qkv = Floats.at(qkv);
    this.d = shape.headDim();
    this.width = roundUp(d, Lanes.COUNT);
    this.gradientWidth = roundUp(d, COLUMNS);
    this.qkvBytes = 4L * shape.qkvWidth();
    this.outBytes = 4L * shape.queryWidth();
    this.layout = Layout.of(width, gradientWidth);
  }

  /** Offsets in a thread's scratch memory. */
  private record Layout(long queryRows, long dOutRows, long queries, long dOuts, long dQueries, long lse, long delta,
      long keys, long values, long dKeys, long dValues, long probabilities, long dScores, long factors, long square,
      long bytes) {
    static Layout of(int width, int gradientWidth) {
      long rows = 4L * QUERY_BLOCK * gradientWidth;
      long transposed = 4L * QUERY_BLOCK * width;
      long keys = 4L * KEY_BLOCK * width;
      long dKeys = 4L * KEY_BLOCK * gradientWidth;
      long scores = 4L * KEY_BLOCK * QUERY_BLOCK;
      long[] sizes = {rows, rows, transposed, transposed, transposed, 4L * QUERY_BLOCK, 4L * QUERY_BLOCK, keys, keys,
          dKeys, dKeys, scores, scores, 2 * VECTOR, 2 * VECTOR * Lanes.COUNT};
      long[] at = new long[sizes.length + 1];
      for (int i = 0; i < sizes.length; i++) {
        at[i + 1] = at[i] + sizes[i];
      }
      return new Layout(at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8], at[9], at[10], at[11], at[12],
          at[13], at[14], at[15]);
    }
  }

  /** {@link dev.cocktail.tensor.Ops#attentionBackward} on F32. */
  static void run(WorkerPool pool, Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences,
      AttentionShape shape) {
    var backward = new CpuAttentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    pool.run(Math.multiplyExact(sequences.count(), shape.kvHeads()),
        unit -> backward.unit(unit / shape.kvHeads(), unit % shape.kvHeads()));
  }

  private void unit(int sequence, int kvHead) {
    int group = shape.heads() / shape.kvHeads();
    int length = sequences.length(sequence);
    long scratch = AttentionTiles.scratch(layout.bytes);
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (int begin = 0; begin < length; begin += QUERY_BLOCK) {
        block(sequence, kvHead, head, begin, scratch);
      }
    }
  }

  /** All that queries [begin, begin + QUERY_BLOCK) of one head give to gradients. */
  private void block(int sequence, int kvHead, int head, int begin, long scratch) {
    int rows = Math.min(QUERY_BLOCK, sequences.length(sequence) - begin);
    int panels = (rows + COLUMNS - 1) / COLUMNS;
    long firstToken = sequences.offset(sequence);
    prepare(firstToken + begin, rows, panels, head, scratch);
    long keyOffset = 4L * (shape.queryWidth() + kvHead * d);
    int keysEnd = begin + rows;
    boolean firstHead = head % (shape.heads() / shape.kvHeads()) == 0;
    int firstBlock = AttentionTiles.firstKey(begin, shape.window()) / KEY_BLOCK * KEY_BLOCK;
    for (int k0 = firstBlock; k0 < keysEnd; k0 += KEY_BLOCK) {
      int count = Math.min(KEY_BLOCK, keysEnd - k0);
      long keyRow = (firstToken + k0) * qkvBytes + keyOffset;
      long valueRow = keyRow + 4L * shape.kvWidth();
      AttentionTiles.packRows(scratch + layout.keys, width, qkv + keyRow, qkvBytes, count, d);
      AttentionTiles.packRows(scratch + layout.values, width, qkv + valueRow, qkvBytes, count, d);
      // The queries of a block are the first to see the keys at their own positions.
      boolean accumulate = !firstHead || k0 < begin;
      if (accumulate) {
        AttentionTiles.packRows(scratch + layout.dKeys, gradientWidth, dQkv + keyRow, qkvBytes, count, d);
        AttentionTiles.packRows(scratch + layout.dValues, gradientWidth, dQkv + valueRow, qkvBytes, count, d);
      }
      for (int p = 0; p < panels; p++) {
        panel(p, begin, k0, count, scratch);
      }
      keyGradients(begin, panels, k0, count, accumulate, scratch);
      AttentionTiles.unpackRows(dQkv + keyRow, qkvBytes, scratch + layout.dKeys, gradientWidth, count, d);
      AttentionTiles.unpackRows(dQkv + valueRow, qkvBytes, scratch + layout.dValues, gradientWidth, count, d);
    }
    for (int p = 0; p < panels; p++) {
      long to = dQkv + (firstToken + begin + p * COLUMNS) * qkvBytes + 4L * head * d;
      AttentionTiles.storeTransposed(to, qkvBytes, scratch + layout.dQueries + p * panelBytes(),
          Math.min(COLUMNS, rows - p * COLUMNS), d, scratch + layout.factors, scratch + layout.square);
    }
  }

  private long panelBytes() {
    return 2 * VECTOR * width;
  }

  /** Brings a block's queries and output gradients into both layouts, and what belongs to a query into place. */
  private void prepare(long firstToken, int rows, int panels, int head, long scratch) {
    long headOffset = 4L * head * d;
    long outAt = firstToken * outBytes + headOffset;
    AttentionTiles.packPanels(scratch + layout.queryRows, QUERY_BLOCK, panels * COLUMNS,
        qkv + firstToken * qkvBytes + headOffset, qkvBytes, rows, d, (float) shape.scale());
    AttentionTiles.packPanels(
        scratch + layout.dOutRows, QUERY_BLOCK, panels * COLUMNS, dOut + outAt, outBytes, rows, d, 1f);
    for (int p = 0; p < panels; p++) {
      long at = p * panelBytes();
      AttentionTiles.transposePanel(
          scratch + layout.queries + at, scratch + layout.queryRows, QUERY_BLOCK, p * COLUMNS, d);
      AttentionTiles.transposePanel(scratch + layout.dOuts + at, scratch + layout.dOutRows, QUERY_BLOCK, p * COLUMNS, d);
      AttentionTiles.fill(scratch + layout.dQueries + at, 2 * width, 0f);
    }
    for (int i = 0; i < panels * COLUMNS; i++) {
      // A query that is not there has probability exp(0 - infinity) = 0 for every key.
      float value = i < rows ? Floats.get(lse + 4 * ((firstToken + i) * shape.heads() + head)) : Float.POSITIVE_INFINITY;
      Floats.set(scratch + layout.lse + 4L * i, value);
    }
    deltas(outAt, rows, panels, scratch);
    AttentionTiles.fill(scratch + layout.factors, 2, (float) shape.scale());
  }

  /** {@code delta_i = dOut_i . out_i}. Lanes are added in a fixed order, which a reduction does not promise. */
  private void deltas(long outAt, int rows, int panels, long scratch) {
    long partial = scratch + layout.square;
    long transposed = partial + VECTOR * Lanes.COUNT;
    for (int i0 = 0; i0 < panels * COLUMNS; i0 += Lanes.COUNT) {
      for (int r = 0; r < Lanes.COUNT; r++) {
        FloatVector sum = splat(0f);
        if (i0 + r < rows) {
          long at = outAt + (i0 + r) * outBytes;
          sum = AttentionTiles.partialDot(dOut + at, out + at, d);
        }
        store(partial + r * VECTOR, sum);
      }
      TileMath.transposeSquare(transposed, Lanes.COUNT, partial, Lanes.COUNT);
      FloatVector delta = load(transposed);
      for (int r = 1; r < Lanes.COUNT; r++) {
        delta = delta.add(load(transposed + r * VECTOR));
      }
      store(scratch + layout.delta + 4L * i0, delta);
    }
  }

  /** Probabilities and score gradients of one panel of queries against a block of keys, and its query gradients. */
  private void panel(int p, int begin, int k0, int count, long scratch) {
    int q0 = begin + p * COLUMNS;
    int from = Math.max(0, AttentionTiles.firstKey(q0, shape.window()) / KEY_STEP * KEY_STEP - k0);
    int to = Math.min(count, q0 + COLUMNS - k0);
    if (from >= to) {
      return;
    }
    int keys = to - from;
    long rowOffset = 4L * from * width;
    long tile = 4L * from * QUERY_BLOCK + 2L * p * VECTOR;
    long probabilities = scratch + layout.probabilities + tile;
    long dScores = scratch + layout.dScores + tile;
    long keyRows = scratch + layout.keys + rowOffset;
    long at = p * panelBytes();
    TileMath.multiply(probabilities, QUERY_BLOCK, false, keyRows, width, scratch + layout.queries + at, COLUMNS, keys, d);
    TileMath.multiply(dScores, QUERY_BLOCK, false, scratch + layout.values + rowOffset, width,
        scratch + layout.dOuts + at, COLUMNS, keys, d);
    AttentionTiles.mask(probabilities, QUERY_BLOCK, k0 + from - q0, k0 + to - q0, shape.window());
    long queryOffset = 2L * p * VECTOR;
    scoreGradients(probabilities, dScores, keys, scratch + layout.lse + queryOffset, scratch + layout.delta + queryOffset);
    TileMath.multiplyTransposed(scratch + layout.dQueries + at, COLUMNS, true, keyRows, width, dScores, QUERY_BLOCK, d,
        keys);
  }

  /** Scores become probabilities, gradients of probabilities become gradients of scores. */
  private static void scoreGradients(long probabilities, long dScores, int keys, long lse, long delta) {
    for (int half = 0; half < 2; half++) {
      FloatVector logSum = load(lse + half * VECTOR);
      FloatVector mean = load(delta + half * VECTOR);
      for (int j = 0; j < keys; j++) {
        long at = 4L * j * QUERY_BLOCK + half * VECTOR;
        FloatVector probability = exp(load(probabilities + at).sub(logSum));
        store(probabilities + at, probability);
        store(dScores + at, probability.mul(load(dScores + at).sub(mean)));
      }
    }
  }

  /** Key and value gradients: a few keys at a time, over those queries of the block that can see them. */
  private void keyGradients(int begin, int panels, int k0, int count, boolean accumulate, long scratch) {
    for (int j = 0; j < count; j += KEY_STEP) {
      int from = Math.max(0, k0 + j - begin);
      int to = (int) Math.min(panels * COLUMNS, (long) k0 + j + KEY_STEP - 1 + shape.window() - begin);
      if (from >= to) {
        continue;
      }
      int keys = Math.min(KEY_STEP, count - j);
      long a = 4L * ((long) j * QUERY_BLOCK + from);
      for (int column = 0; column < gradientWidth; column += COLUMNS) {
        long b = 4L * ((long) column * QUERY_BLOCK + (long) from * COLUMNS);
        long c = 4L * (j * gradientWidth + column);
        TileMath.multiply(scratch + layout.dValues + c, gradientWidth, accumulate, scratch + layout.probabilities + a,
            QUERY_BLOCK, scratch + layout.dOutRows + b, COLUMNS, keys, to - from);
        TileMath.multiply(scratch + layout.dKeys + c, gradientWidth, accumulate, scratch + layout.dScores + a,
            QUERY_BLOCK, scratch + layout.queryRows + b, COLUMNS, keys, to - from);
      }
    }
  }
}
