package dev.cocktail.tensor.cpu;

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
 * Attention of single new tokens over cached keys and values, and the filling of the cache. Every cached row is read
 * once for all query heads that share it; a unit of work is a sequence and a key/value head.
 */
final class CpuAttentionDecode {
  /** Rows of values that are summed while they lie in the first-level cache, for one query head after the other. */
  private static final int VALUE_ROWS = 32;

  private final AttentionShape shape;
  private final int[] slots;
  private final int[] lengths;
  private final long out;
  private final long qkv;
  private final long keys;
  private final long values;
  private final long capacity;
  private final int group;
  private final int d;
  private final int width;
  private final long rowBytes;

  private CpuAttentionDecode(
      Tensor out, Tensor qkv, Tensor keys, Tensor values, int[] slots, int[] lengths, AttentionShape shape) {
    this.shape = shape;
    this.slots = slots;
    this.lengths = lengths;
    this.out = Floats.at(out);
    this.qkv = Floats.at(qkv);
    this.keys = Floats.at(keys);
    this.values = Floats.at(values);
    this.capacity = keys.dim(1);
    this.group = shape.heads() / shape.kvHeads();
    this.d = shape.headDim();
    this.width = roundUp(d, Lanes.COUNT);
    this.rowBytes = 4L * shape.kvWidth();
  }

  /** {@link dev.cocktail.tensor.Ops#storeKeysAndValues} on F32. */
  static void storeKeysAndValues(
      WorkerPool pool,
      Tensor keys,
      Tensor values,
      Tensor qkv,
      Sequences sequences,
      Tensor slots,
      Tensor starts,
      AttentionShape shape) {
    int[] slot = RowOps.indices("storeKeysAndValues", "slots", slots, keys.dim(0));
    int[] first = RowOps.ints(starts);
    long capacity = keys.dim(1);
    for (int b = 0; b < sequences.count(); b++) {
      if (first[b] < 0 || (long) first[b] + sequences.length(b) > capacity) {
        throw new IllegalArgumentException(
            "sequence "
                + b
                + " would fill rows "
                + first[b]
                + " to "
                + ((long) first[b] + sequences.length(b))
                + " of a cache of "
                + capacity);
      }
    }
    long bytes = 4L * shape.kvWidth();
    long tokens = Floats.at(qkv) + 4L * shape.queryWidth();
    long keyRows = Floats.at(keys);
    long valueRows = Floats.at(values);
    pool.run(
        sequences.count(),
        b -> {
          long row = slot[b] * capacity + first[b];
          for (int i = 0; i < sequences.length(b); i++) {
            long from = tokens + 4L * (sequences.offset(b) + i) * shape.qkvWidth();
            long to = (row + i) * bytes;
            AttentionTiles.copy(keyRows + to, from, shape.kvWidth());
            AttentionTiles.copy(valueRows + to, from + bytes, shape.kvWidth());
          }
        });
  }

  /** {@link dev.cocktail.tensor.Ops#attentionDecode} on F32. */
  static void run(
      WorkerPool pool,
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    int count = Math.toIntExact(slots.dim(0));
    int[] slot = RowOps.indices("attentionDecode", "slots", slots, keys.dim(0));
    int[] length = RowOps.ints(lengths);
    for (int b = 0; b < count; b++) {
      if (length[b] < 1 || length[b] > keys.dim(1) || length[b] > longest) {
        throw new IllegalArgumentException(
            "length "
                + b
                + " is "
                + length[b]
                + "; expected 1 to the capacity of "
                + keys.dim(1)
                + " and at most the stated longest, "
                + longest);
      }
    }
    var decode = new CpuAttentionDecode(out, qkv, keys, values, slot, length, shape);
    pool.run(
        Math.multiplyExact(count, shape.kvHeads()),
        unit -> decode.unit(unit / shape.kvHeads(), unit % shape.kvHeads()));
  }

  private void unit(int sequence, int kvHead) {
    int length = lengths[sequence];
    int first = AttentionTiles.firstKey(length - 1, shape.window());
    int count = length - first;
    int padded = roundUp(count, COLUMNS);
    long squareBytes = VECTOR * Lanes.COUNT;
    AttentionTiles.Scratch scratch = AttentionTiles.scratch();
    long sums = scratch.address(4L * group * width + 2 * squareBytes);
    long square = sums + 4L * group * width;
    float[] scores = scratch.array(Math.addExact(Math.multiplyExact(group, padded), 2 * COLUMNS));

    long firstRow = (slots[sequence] * capacity + first) * rowBytes + 4L * kvHead * d;
    int head = kvHead * group;
    long query = qkv + 4L * ((long) sequence * shape.qkvWidth() + (long) head * d);
    for (int j = 0; j < padded; j += Lanes.COUNT) {
      int rows = Math.clamp((long) count - j, 0, Lanes.COUNT);
      for (int g = 0; g < group; g++) {
        scores(scores, g * padded + j, query + 4L * g * d, keys + firstRow + j * rowBytes, rows, square);
      }
    }
    for (int g = 0; g < group; g++) {
      softmax(scores, g * padded, padded, group * padded);
    }
    AttentionTiles.fill(sums, group * width / Lanes.COUNT, 0f);
    for (int j = 0; j < count; j += VALUE_ROWS) {
      int rows = Math.min(VALUE_ROWS, count - j);
      for (int g = 0; g < group; g++) {
        weightedSum(sums + 4L * g * width, scores, g * padded + j, values + firstRow + j * rowBytes, rows);
      }
    }
    long target = out + 4L * ((long) sequence * shape.queryWidth() + (long) head * d);
    for (int g = 0; g < group; g++) {
      AttentionTiles.copy(target + 4L * g * d, sums + 4L * g * width, d);
    }
  }

  /**
   * A vector of scores: one query against up to {@code Lanes.COUNT} keys; minus infinity for keys that are not there.
   */
  private void scores(float[] target, int at, long query, long keyRows, int rows, long square) {
    for (int r = 0; r < Lanes.COUNT; r++) {
      store(square + r * VECTOR, r < rows ? AttentionTiles.partialDot(query, keyRows + r * rowBytes, d) : splat(0f));
    }
    // Lanes are added in a fixed order, which a reduction does not promise.
    long transposed = square + VECTOR * Lanes.COUNT;
    Interleaving.transpose(square, VECTOR, transposed, VECTOR, GemmBuffers.ofThread().scratch());
    FloatVector sum = load(transposed);
    for (int r = 1; r < Lanes.COUNT; r++) {
      sum = sum.add(load(transposed + r * VECTOR));
    }
    sum.mul((float) shape.scale()).intoArray(target, at);
    Arrays.fill(target, at + rows, at + Lanes.COUNT, Float.NEGATIVE_INFINITY);
  }

  /** {@code spare} begins two rows of COLUMNS floats. */
  private static void softmax(float[] scores, int start, int count, int spare) {
    float max = Float.NEGATIVE_INFINITY;
    for (int j = start; j < start + count; j++) {
      max = Math.max(max, scores[j]);
    }
    int sums = spare + COLUMNS;
    Arrays.fill(scores, spare, sums, max);
    Arrays.fill(scores, sums, sums + COLUMNS, 0f);
    Exponentials.tile(scores, start, COLUMNS, count / COLUMNS, spare, sums);
    float sum = 0;
    for (int lane = 0; lane < COLUMNS; lane++) {
      sum += scores[sums + lane];
    }
    float factor = 1 / sum;
    for (int j = start; j < start + count; j++) {
      scores[j] *= factor;
    }
  }

  /** {@code sums[e] += sum_j weights[start + j] rows[j, e]}. */
  private void weightedSum(long sums, float[] weights, int start, long valueRows, int rows) {
    int whole = d / Lanes.COUNT;
    int v = 0;
    for (; v + 3 < whole; v += 4) {
      long at = sums + v * VECTOR;
      FloatVector s0 = load(at);
      FloatVector s1 = load(at + VECTOR);
      FloatVector s2 = load(at + 2 * VECTOR);
      FloatVector s3 = load(at + 3 * VECTOR);
      for (int j = 0; j < rows; j++) {
        FloatVector weight = splat(weights[start + j]);
        long row = valueRows + j * rowBytes + v * VECTOR;
        s0 = weight.fma(load(row), s0);
        s1 = weight.fma(load(row + VECTOR), s1);
        s2 = weight.fma(load(row + 2 * VECTOR), s2);
        s3 = weight.fma(load(row + 3 * VECTOR), s3);
      }
      store(at, s0);
      store(at + VECTOR, s1);
      store(at + 2 * VECTOR, s2);
      store(at + 3 * VECTOR, s3);
    }
    for (; v < whole; v++) {
      FloatVector s = load(sums + v * VECTOR);
      for (int j = 0; j < rows; j++) {
        s = splat(weights[start + j]).fma(load(valueRows + j * rowBytes + v * VECTOR), s);
      }
      store(sums + v * VECTOR, s);
    }
    for (int e = whole * Lanes.COUNT; e < d; e++) {
      float s = Floats.get(sums + 4L * e);
      for (int j = 0; j < rows; j++) {
        s = Math.fma(weights[start + j], Floats.get(valueRows + j * rowBytes + 4L * e), s);
      }
      Floats.set(sums + 4L * e, s);
    }
  }
}
