package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;
import static dev.cocktail.tensor.cpu.Lanes.MEMORY;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Cross-entropy fused with the output projection. Only tokens that have a target take part. They are taken a block at a
 * time, and for each block the vocabulary a chunk at a time, so that a tile of logits stays in cache; maxima and sums
 * are carried from chunk to chunk and what was summed under a smaller maximum is scaled down (Milakov and Gimelshein,
 * "Online normalizer calculation for softmax", 2018). The gradient of the hidden states is summed alongside in the same
 * way, so a frozen output projection is multiplied with twice and not three times.
 *
 * <p>The target's own logit z is kept out of maximum and sums: with L the logarithm of the sum over all others and
 * {@code d = L - z}, the loss is {@code ln(1 + e^d)} and the others' share of the probability is {@code 1 / (1 +
 * e^-d)}, both without cancellation however certain the model is. The gradient of a logit other than the target's is
 * share times its softmax among the others, and the target's is minus the share.
 */
final class CrossEntropyOps {
  private static final int MOST_ROWS = 512;

  /** Floats of a tile of logits: 4 MiB. */
  private static final int TILE = 1 << 20;

  /** Chunks of the vocabulary end at a multiple of this, to fit the tiles of matrix products. */
  private static final int CHUNK_MULTIPLE = 96;

  private final WorkerPool pool;
  private final Gemm gemm;
  private final CpuMemory memory;
  private final int mostRows;
  private final int tile;

  CrossEntropyOps(WorkerPool pool, Gemm gemm, CpuMemory memory) {
    this(pool, gemm, memory, MOST_ROWS, TILE);
  }

  /** With other limits: on the tokens taken at a time, and on the floats of a tile of their logits. */
  CrossEntropyOps(WorkerPool pool, Gemm gemm, CpuMemory memory, int mostRows, int tile) {
    this.pool = pool;
    this.gemm = gemm;
    this.memory = memory;
    this.mostRows = mostRows;
    this.tile = tile;
  }

  void crossEntropy(Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    int vocabulary = Math.toIntExact(w.dim(0));
    int width = Math.toIntExact(w.dim(1));
    int[] target = RowOps.ints(targets);
    int[] rows = rowsWithTarget(target, vocabulary);
    long lossAddress = Floats.at(losses);
    clearRowsWithout(target, lossAddress, 1);
    if (dHidden != null) {
      clearRowsWithout(target, Floats.at(dHidden), width);
    }
    if (rows.length == 0) {
      return;
    }
    // Blocks of even sizes: a small one at the end would multiply with all of the vocabulary for few rows.
    int most = Math.ceilDiv(rows.length, Math.ceilDiv(rows.length, mostRows));
    int chunk = chunk(most, vocabulary);
    long scratchFloats = (long) most * chunk + 2L * most * width;
    TensorArena.Region region = memory.acquire(4 * scratchFloats);
    try {
      for (int from = 0; from < rows.length; from += most) {
        int[] part = Arrays.copyOfRange(rows, from, Math.min(rows.length, from + most));
        var block = new Block(part, target, chunk, region.address(), hidden, w);
        block.project(dHidden != null);
        block.finish(lossAddress, dHidden, Floats.at(weights));
        if (dW != null) {
          block.addWeightGradient(dW);
        }
      }
    } finally {
      memory.release(region);
    }
  }

  private static int[] rowsWithTarget(int[] target, int vocabulary) {
    int[] rows = new int[target.length];
    int count = 0;
    for (int t = 0; t < target.length; t++) {
      if (target[t] >= vocabulary) {
        throw new IllegalArgumentException(
            "crossEntropy: targets["
                + t
                + "] is "
                + target[t]
                + ", expected less than the vocabulary of "
                + vocabulary
                + ", or a negative number for none");
      }
      if (target[t] >= 0) {
        rows[count++] = t;
      }
    }
    return Arrays.copyOf(rows, count);
  }

  private static void clearRowsWithout(int[] target, long address, int width) {
    for (int t = 0; t < target.length; t++) {
      if (target[t] < 0) {
        ElementwiseOps.fill(address + 4L * t * width, 0f, width);
      }
    }
  }

  /** Entries of the vocabulary taken at a time: even shares, a tile's worth at most. */
  private int chunk(int rows, int vocabulary) {
    int most = Math.max(CHUNK_MULTIPLE, tile / rows);
    int chunks = (vocabulary + most - 1) / most;
    int share = (vocabulary + chunks - 1) / chunks;
    int rounded = (share + CHUNK_MULTIPLE - 1) / CHUNK_MULTIPLE * CHUNK_MULTIPLE;
    return Math.min(vocabulary, rounded);
  }

  /** Some tokens that have a target, and what is known about their logits so far. */
  private final class Block {
    private final int[] rows;
    private final int[] target;
    private final int chunk;
    private final int width;
    private final Matrix w;
    private final Matrix hidden;
    private final Matrix sums;
    private final long logits;
    private final float[] maxima;
    private final double[] totals;
    private final float[] targetLogits;

    /** Of each row: weight times the share of probability that the target does not have. */
    private final double[] shares;

    Block(int[] rows, int[] target, int chunk, long scratch, Tensor allHidden, Tensor w) {
      this.rows = rows;
      this.target = target;
      this.chunk = chunk;
      this.w = Matrix.of(w);
      this.width = this.w.columns();
      this.logits = scratch;
      long gathered = scratch + 4L * rows.length * chunk;
      this.hidden = Matrix.rowMajor(gathered, DType.F32, rows.length, width);
      this.sums = Matrix.rowMajor(gathered + 4L * rows.length * width, DType.F32, rows.length, width);
      this.maxima = new float[rows.length];
      Arrays.fill(maxima, Float.NEGATIVE_INFINITY);
      this.totals = new double[rows.length];
      this.targetLogits = new float[rows.length];
      this.shares = new double[rows.length];
      long source = Floats.at(allHidden);
      for (int r = 0; r < rows.length; r++) {
        MemorySegment.copy(MEMORY, source + 4L * rows[r] * width, MEMORY, gathered + 4L * r * width, 4L * width);
      }
    }

    /** Passes over the vocabulary: maxima and sums of exponentials, and with them the weighted sums of W's rows. */
    void project(boolean withSums) {
      for (int from = 0; from < w.rows(); from += chunk) {
        Matrix part = w.part(from, Math.min(chunk, w.rows() - from), 0, width);
        Matrix scores = Matrix.rowMajor(logits, DType.F32, rows.length, part.rows());
        gemm.run(scores, 1, hidden, part.transposed(), 0);
        int first = from;
        boolean rescale = withSums && from > 0;
        Chunks.rows(
            pool,
            rows.length,
            part.rows(),
            (begin, end) -> {
              float[] lanes = new float[COUNT];
              for (int r = (int) begin; r < end; r++) {
                softenRow(r, scores.addressOf(r, 0), first, part.rows(), rescale, lanes);
              }
            });
        if (withSums) {
          gemm.run(sums, 1, scores, part, from == 0 ? 0 : 1);
        }
      }
    }

    /** Turns a row of logits into exponentials under the maximum so far; the target's becomes 0. */
    private void softenRow(int r, long row, int first, int count, boolean rescale, float[] lanes) {
      int place = target[rows[r]] - first;
      if (place >= 0 && place < count) {
        targetLogits[r] = Floats.get(row + 4L * place);
        Floats.set(row + 4L * place, Float.NEGATIVE_INFINITY);
      }
      float before = maxima[r];
      float max = Math.max(before, RowOps.max(row, count));
      if (max != before && before != Float.NEGATIVE_INFINITY) {
        double shrink = StrictMath.exp((double) before - max);
        totals[r] *= shrink;
        if (rescale) {
          long sum = sums.addressOf(r, 0);
          ElementwiseOps.scaled(sum, sum, (float) shrink, width);
        }
      }
      if (max == Float.NEGATIVE_INFINITY) {
        // Nothing but the target so far.
        ElementwiseOps.fill(row, 0f, count);
      } else {
        exponentials(row, max, 1f, count, lanes);
        totals[r] += Floats.sum(lanes);
      }
      maxima[r] = max;
    }

    /** Losses, shares, and where wanted the gradients of the hidden states. */
    void finish(long losses, Tensor dHidden, long weights) {
      long gradients = dHidden == null ? 0 : Floats.at(dHidden);
      for (int r = 0; r < rows.length; r++) {
        double distance = maxima[r] + StrictMath.log(totals[r]) - targetLogits[r];
        double tail = StrictMath.log1p(StrictMath.exp(-Math.abs(distance)));
        Floats.set(losses + 4L * rows[r], (float) (Math.max(distance, 0) + tail));
        shares[r] = Floats.get(weights + 4L * rows[r]) / (1 + StrictMath.exp(-distance));
      }
      if (dHidden == null) {
        return;
      }
      Chunks.rows(
          pool,
          rows.length,
          width,
          (from, to) -> {
            try (Arena scratch = Arena.ofConfined()) {
              long targetRow = scratch.allocate(Math.max(4, 4L * width), 64).address();
              for (int r = (int) from; r < to; r++) {
                Widening.widen(w.type(), w.addressOf(target[rows[r]], 0), width, targetRow);
                long out = gradients + 4L * rows[r] * width;
                float share = (float) shares[r];
                float perTotal = totals[r] == 0 ? 0f : (float) (shares[r] / totals[r]);
                ElementwiseOps.scaled(out, targetRow, -share, width);
                ElementwiseOps.addScaled(out, out, sums.addressOf(r, 0), perTotal, width);
              }
            }
          });
    }

    /** Passes over the vocabulary again, now that the sums are known: {@code dW += g^T hidden}. */
    void addWeightGradient(Tensor dW) {
      Matrix gradient = Matrix.of(dW);
      for (int from = 0; from < w.rows(); from += chunk) {
        int count = Math.min(chunk, w.rows() - from);
        Matrix scores = Matrix.rowMajor(logits, DType.F32, rows.length, count);
        gemm.run(scores, 1, hidden, w.part(from, count, 0, width).transposed(), 0);
        int first = from;
        Chunks.rows(
            pool,
            rows.length,
            count,
            (begin, end) -> {
              float[] lanes = new float[COUNT];
              for (int r = (int) begin; r < end; r++) {
                logitGradients(r, scores.addressOf(r, 0), first, count, lanes);
              }
            });
        gemm.run(gradient.part(from, count, 0, width), 1, scores.transposed(), hidden, 1);
      }
    }

    private void logitGradients(int r, long row, int first, int count, float[] lanes) {
      if (totals[r] == 0) {
        ElementwiseOps.fill(row, 0f, count);
      } else {
        exponentials(row, maxima[r], (float) (shares[r] / totals[r]), count, lanes);
      }
      int place = target[rows[r]] - first;
      if (place >= 0 && place < count) {
        Floats.set(row + 4L * place, (float) -shares[r]);
      }
    }
  }

  /** {@code row = factor exp(row - max)}; their sum goes into {@code lanes}. */
  private static void exponentials(long row, float max, float factor, int count, float[] lanes) {
    FloatVector sum = Floats.splat(0f);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector e = VectorMath.exp(Floats.load(row + 4L * i).sub(max)).mul(factor);
      Floats.store(row + 4L * i, e);
      sum = sum.add(e);
    }
    sum.intoArray(lanes, 0);
    if (i < count) {
      lastExponentials(row + 4L * i, max, factor, Floats.tail(i, count), lanes);
    }
  }

  /** A method of its own, because two exponentials in one may be more than the compiler inlines. */
  private static void lastExponentials(long row, float max, float factor, VectorMask<Float> tail, float[] lanes) {
    FloatVector e = VectorMath.exp(Floats.load(row, tail).sub(max)).mul(factor);
    Floats.store(row, e, tail);
    FloatVector.fromArray(Lanes.FLOATS, lanes, 0).add(e, tail).intoArray(lanes, 0);
  }
}
