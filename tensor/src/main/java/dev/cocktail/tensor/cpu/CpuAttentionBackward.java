package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.KEY_STEP;
import static dev.cocktail.tensor.cpu.AttentionTiles.QUERY_BLOCK;
import static dev.cocktail.tensor.cpu.AttentionTiles.roundUp;
import static dev.cocktail.tensor.cpu.Floats.load;
import static dev.cocktail.tensor.cpu.Floats.splat;
import static dev.cocktail.tensor.cpu.Floats.store;
import static dev.cocktail.tensor.cpu.TileMath.COLUMNS;
import static dev.cocktail.tensor.cpu.TileMath.VECTOR;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The backward pass of attention: scores are computed again and turned into probabilities by the saved logarithm of
 * their sum. A unit of work is a sequence and a key/value head; it walks over the query heads that share the keys, over
 * blocks of queries, over blocks of keys, and so owns every gradient it adds to.
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

  /**
   * Where things lie in a thread's memory: {@code panels} begins the second operands of products, in bytes; the others
   * begin first operands and results, in floats.
   */
  private record Layout(
      long queryRows,
      long dOutRows,
      long queries,
      long dOuts,
      long scoreGradients,
      long spare,
      long bytes,
      int dQueries,
      int keys,
      int values,
      int dKeys,
      int dValues,
      int probabilities,
      int dScores,
      int lse,
      int delta,
      int factors,
      int sums,
      int floats) {
    static Layout of(int width, int gradientWidth) {
      long rows = 4L * QUERY_BLOCK * gradientWidth;
      long transposed = 4L * QUERY_BLOCK * width;
      long[] at =
          starts(rows, rows, transposed, transposed, 4L * KEY_BLOCK * COLUMNS, 2 * VECTOR * (width + Lanes.COUNT));
      int scores = KEY_BLOCK * QUERY_BLOCK;
      long[] in =
          starts(
              QUERY_BLOCK * width,
              KEY_BLOCK * width,
              KEY_BLOCK * width,
              KEY_BLOCK * gradientWidth,
              KEY_BLOCK * gradientWidth,
              scores,
              scores,
              QUERY_BLOCK,
              QUERY_BLOCK,
              COLUMNS,
              COLUMNS);
      return new Layout(
          at[0],
          at[1],
          at[2],
          at[3],
          at[4],
          at[5],
          at[6],
          (int) in[0],
          (int) in[1],
          (int) in[2],
          (int) in[3],
          (int) in[4],
          (int) in[5],
          (int) in[6],
          (int) in[7],
          (int) in[8],
          (int) in[9],
          (int) in[10],
          (int) in[11]);
    }

    private static long[] starts(long... sizes) {
      long[] at = new long[sizes.length + 1];
      for (int i = 0; i < sizes.length; i++) {
        at[i + 1] = at[i] + sizes[i];
      }
      return at;
    }
  }

  /** {@link dev.cocktail.tensor.Ops#attentionBackward} on F32. */
  static void run(
      WorkerPool pool,
      Tensor dQkv,
      Tensor dOut,
      Tensor out,
      Tensor lse,
      Tensor qkv,
      Sequences sequences,
      AttentionShape shape) {
    var backward = new CpuAttentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    pool.run(
        Math.multiplyExact(sequences.count(), shape.kvHeads()),
        unit -> backward.unit(unit / shape.kvHeads(), unit % shape.kvHeads()));
  }

  private void unit(int sequence, int kvHead) {
    int group = shape.heads() / shape.kvHeads();
    int length = sequences.length(sequence);
    AttentionTiles.Scratch scratch = AttentionTiles.scratch();
    long memory = scratch.address(layout.bytes);
    float[] tiles = scratch.array(layout.floats);
    for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
      for (int begin = 0; begin < length; begin += QUERY_BLOCK) {
        block(sequence, kvHead, head, begin, memory, tiles);
      }
    }
  }

  /** All that queries [begin, begin + QUERY_BLOCK) of one head give to gradients. */
  private void block(int sequence, int kvHead, int head, int begin, long memory, float[] tiles) {
    int rows = Math.min(QUERY_BLOCK, sequences.length(sequence) - begin);
    int panels = (rows + COLUMNS - 1) / COLUMNS;
    long firstToken = sequences.offset(sequence);
    prepare(firstToken + begin, rows, panels, head, memory, tiles);
    Arrays.fill(tiles, layout.dQueries, layout.dQueries + panels * panelSize(), 0f);
    long keyOffset = 4L * (shape.queryWidth() + kvHead * d);
    int keysEnd = begin + rows;
    boolean firstHead = head % (shape.heads() / shape.kvHeads()) == 0;
    int firstBlock = AttentionTiles.firstKey(begin, shape.window()) / KEY_BLOCK * KEY_BLOCK;
    for (int k0 = firstBlock; k0 < keysEnd; k0 += KEY_BLOCK) {
      int count = Math.min(KEY_BLOCK, keysEnd - k0);
      long keyRow = (firstToken + k0) * qkvBytes + keyOffset;
      long valueRow = keyRow + 4L * shape.kvWidth();
      AttentionTiles.packRows(tiles, layout.keys, width, qkv + keyRow, qkvBytes, count, d);
      AttentionTiles.packRows(tiles, layout.values, width, qkv + valueRow, qkvBytes, count, d);
      // The queries of a block are the first to see the keys at their own positions.
      boolean accumulate = !firstHead || k0 < begin;
      if (accumulate) {
        AttentionTiles.packRows(tiles, layout.dKeys, gradientWidth, dQkv + keyRow, qkvBytes, count, d);
        AttentionTiles.packRows(tiles, layout.dValues, gradientWidth, dQkv + valueRow, qkvBytes, count, d);
      }
      for (int p = 0; p < panels; p++) {
        panel(p, begin, k0, count, memory, tiles);
      }
      keyGradients(begin, panels, k0, count, accumulate, memory, tiles);
      AttentionTiles.unpackRows(dQkv + keyRow, qkvBytes, tiles, layout.dKeys, gradientWidth, count, d);
      AttentionTiles.unpackRows(dQkv + valueRow, qkvBytes, tiles, layout.dValues, gradientWidth, count, d);
    }
    for (int p = 0; p < panels; p++) {
      long to = dQkv + (firstToken + begin + p * COLUMNS) * qkvBytes + 4L * head * d;
      AttentionTiles.storeTransposed(
          to,
          qkvBytes,
          tiles,
          layout.dQueries + p * panelSize(),
          Math.min(COLUMNS, rows - p * COLUMNS),
          d,
          layout.factors,
          memory + layout.spare);
    }
  }

  private int panelSize() {
    return COLUMNS * width;
  }

  /** Brings a block's queries and output gradients into both layouts, and what belongs to a query into place. */
  private void prepare(long firstToken, int rows, int panels, int head, long memory, float[] tiles) {
    long headOffset = 4L * head * d;
    long outAt = firstToken * outBytes + headOffset;
    AttentionTiles.packPanels(
        memory + layout.queryRows,
        QUERY_BLOCK,
        panels * COLUMNS,
        qkv + firstToken * qkvBytes + headOffset,
        qkvBytes,
        rows,
        d,
        (float) shape.scale());
    AttentionTiles.packPanels(
        memory + layout.dOutRows, QUERY_BLOCK, panels * COLUMNS, dOut + outAt, outBytes, rows, d, 1f);
    for (int p = 0; p < panels; p++) {
      long at = 4L * p * panelSize();
      AttentionTiles.transposePanel(
          memory + layout.queries + at, memory + layout.queryRows, QUERY_BLOCK, p * COLUMNS, d);
      AttentionTiles.transposePanel(memory + layout.dOuts + at, memory + layout.dOutRows, QUERY_BLOCK, p * COLUMNS, d);
    }
    for (int i = 0; i < panels * COLUMNS; i++) {
      // A query that is not there has probability exp(0 - infinity) = 0 for every key.
      float value =
          i < rows ? Floats.get(lse + 4 * ((firstToken + i) * shape.heads() + head)) : Float.POSITIVE_INFINITY;
      tiles[layout.lse + i] = value;
    }
    deltas(outAt, rows, panels, memory, tiles);
    Arrays.fill(tiles, layout.factors, layout.factors + COLUMNS, (float) shape.scale());
  }

  /** {@code delta_i = dOut_i . out_i}. Lanes are added in a fixed order, which a reduction does not promise. */
  private void deltas(long outAt, int rows, int panels, long memory, float[] tiles) {
    long partial = memory + layout.spare;
    long transposed = partial + VECTOR * Lanes.COUNT;
    long scratch = GemmBuffers.ofThread().scratch();
    for (int i0 = 0; i0 < panels * COLUMNS; i0 += Lanes.COUNT) {
      for (int r = 0; r < Lanes.COUNT; r++) {
        FloatVector sum = splat(0f);
        if (i0 + r < rows) {
          long at = outAt + (i0 + r) * outBytes;
          sum = AttentionTiles.partialDot(dOut + at, out + at, d);
        }
        store(partial + r * VECTOR, sum);
      }
      Interleaving.transpose(partial, VECTOR, transposed, VECTOR, scratch);
      FloatVector delta = load(transposed);
      for (int r = 1; r < Lanes.COUNT; r++) {
        delta = delta.add(load(transposed + r * VECTOR));
      }
      delta.intoArray(tiles, layout.delta + i0);
    }
  }

  /** Probabilities and score gradients of one panel of queries against a block of keys, and its query gradients. */
  private void panel(int p, int begin, int k0, int count, long memory, float[] tiles) {
    int q0 = begin + p * COLUMNS;
    int from = Math.max(0, AttentionTiles.firstKey(q0, shape.window()) / KEY_STEP * KEY_STEP - k0);
    int to = Math.min(count, q0 + COLUMNS - k0);
    if (from >= to) {
      return;
    }
    int tile = from * QUERY_BLOCK + p * COLUMNS;
    int probabilities = layout.probabilities + tile;
    int dScores = layout.dScores + tile;
    int keys = layout.keys + from * width;
    long at = 4L * p * panelSize();
    TileMath.multiply(
        tiles,
        probabilities,
        QUERY_BLOCK,
        false,
        tiles,
        keys,
        width,
        memory + layout.queries + at,
        2 * VECTOR,
        to - from,
        d);
    TileMath.multiply(
        tiles,
        dScores,
        QUERY_BLOCK,
        false,
        tiles,
        layout.values + from * width,
        width,
        memory + layout.dOuts + at,
        2 * VECTOR,
        to - from,
        d);
    AttentionTiles.mask(tiles, probabilities, QUERY_BLOCK, k0 + from - q0, k0 + to - q0, shape.window());
    Exponentials.tile(tiles, probabilities, QUERY_BLOCK, to - from, layout.lse + p * COLUMNS, layout.sums);
    scoreGradients(
        tiles, probabilities, dScores, memory + layout.scoreGradients, to - from, layout.delta + p * COLUMNS);
    TileMath.multiplyTransposed(
        tiles,
        layout.dQueries + p * panelSize(),
        COLUMNS,
        true,
        tiles,
        keys,
        width,
        memory + layout.scoreGradients,
        2 * VECTOR,
        d,
        to - from);
  }

  /** Gradients of probabilities become gradients of scores, once for each side of products. */
  private static void scoreGradients(
      float[] tiles, int probabilities, int dScores, long scoreGradients, int keys, int deltas) {
    FloatVector low = FloatVector.fromArray(Lanes.FLOATS, tiles, deltas);
    FloatVector high = FloatVector.fromArray(Lanes.FLOATS, tiles, deltas + Lanes.COUNT);
    for (int j = 0; j < keys; j++) {
      int row = dScores + j * QUERY_BLOCK;
      int from = probabilities + j * QUERY_BLOCK;
      FloatVector lowGradient = FloatVector.fromArray(Lanes.FLOATS, tiles, row).sub(low);
      FloatVector highGradient = FloatVector.fromArray(Lanes.FLOATS, tiles, row + Lanes.COUNT).sub(high);
      lowGradient = lowGradient.mul(FloatVector.fromArray(Lanes.FLOATS, tiles, from));
      highGradient = highGradient.mul(FloatVector.fromArray(Lanes.FLOATS, tiles, from + Lanes.COUNT));
      lowGradient.intoArray(tiles, row);
      highGradient.intoArray(tiles, row + Lanes.COUNT);
      store(scoreGradients + 2 * VECTOR * j, lowGradient);
      store(scoreGradients + 2 * VECTOR * j + VECTOR, highGradient);
    }
  }

  /** Key and value gradients: a few keys at a time, over those queries of the block that can see them. */
  private void keyGradients(int begin, int panels, int k0, int count, boolean accumulate, long memory, float[] tiles) {
    for (int j = 0; j < count; j += KEY_STEP) {
      int from = Math.max(0, k0 + j - begin);
      int to = (int) Math.min(panels * COLUMNS, (long) k0 + j + KEY_STEP - 1 + shape.window() - begin);
      if (from >= to) {
        continue;
      }
      int keys = Math.min(KEY_STEP, count - j);
      int a = j * QUERY_BLOCK + from;
      for (int column = 0; column < gradientWidth; column += COLUMNS) {
        long b = memory + 4L * (column * QUERY_BLOCK + from * COLUMNS);
        int c = j * gradientWidth + column;
        TileMath.multiply(
            tiles,
            layout.dValues + c,
            gradientWidth,
            accumulate,
            tiles,
            layout.probabilities + a,
            QUERY_BLOCK,
            b + layout.dOutRows,
            2 * VECTOR,
            keys,
            to - from);
        TileMath.multiply(
            tiles,
            layout.dKeys + c,
            gradientWidth,
            accumulate,
            tiles,
            layout.dScores + a,
            QUERY_BLOCK,
            b + layout.queryRows,
            2 * VECTOR,
            keys,
            to - from);
      }
    }
  }
}
