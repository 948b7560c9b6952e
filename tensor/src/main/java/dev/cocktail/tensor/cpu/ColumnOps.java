package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import jdk.incubator.vector.FloatVector;

/** Factors on columns, their gradient, and the sums over rows that such gradients are. */
final class ColumnOps {
  /** Columns a task sums: a kilobyte of each row, so that memory is read in runs. */
  private static final int STRIP = 256;
  /** Rows summed in F32 before they are added to the total: bounds rounding errors, and the strips stay in cache. */
  private static final int BLOCK = 64;

  private final WorkerPool pool;

  ColumnOps(WorkerPool pool) {
    this.pool = pool;
  }

  void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    long target = Floats.at(out);
    long source = Floats.at(in);
    long scales = Floats.at(factors);
    int width = Math.toIntExact(in.dim(1));
    Chunks.rows(pool, in.dim(0), width, (from, to) -> {
      for (long t = from; t < to; t++) {
        multiply(target + 4 * t * width, source + 4 * t * width, scales, width);
      }
    });
  }

  void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    if (dFactors != null) {
      // Before dIn, which may take the place of dOut.
      addColumnSums(dFactors, dOut, in, 0);
    }
    if (dIn == null) {
      return;
    }
    if (!accumulate) {
      scaleColumns(dIn, dOut, factors);
      return;
    }
    long target = Floats.at(dIn);
    long source = Floats.at(dOut);
    long scales = Floats.at(factors);
    int width = Math.toIntExact(dIn.dim(1));
    Chunks.rows(pool, dIn.dim(0), width, (from, to) -> {
      for (long t = from; t < to; t++) {
        multiplyAdd(target + 4 * t * width, source + 4 * t * width, scales, width);
      }
    });
  }

  /**
   * {@code sums[n] += sum_t a[t,n] b[t,n] rowFactors[t]}, without the last factor where its address is 0. Every column is
   * summed in the order of its rows, block by block.
   */
  void addColumnSums(Tensor sums, Tensor a, Tensor b, long rowFactors) {
    long target = Floats.at(sums);
    long first = Floats.at(a);
    long second = Floats.at(b);
    long rows = a.dim(0);
    long width = a.dim(1);
    try (Arena scratch = Arena.ofConfined()) {
      long blockSums = scratch.allocate(Math.max(4, 4 * width), 64).address();
      Chunks.split(pool, width, STRIP, (from, to) -> {
        long offset = 4 * from;
        int count = (int) (to - from);
        for (long t = 0; t < rows; t += BLOCK) {
          int height = (int) Math.min(BLOCK, rows - t);
          long start = offset + 4 * t * width;
          ElementwiseOps.fill(blockSums + offset, 0f, count);
          addRows(blockSums + offset, first + start, second + start, rowFactors == 0 ? 0 : rowFactors + 4 * t, width,
              height, count);
          ElementwiseOps.addScaled(target + offset, target + offset, blockSums + offset, 1f, count);
        }
      });
    }
  }

  private static void addRows(long sums, long a, long b, long rowFactors, long width, int rows, int count) {
    for (int t = 0; t < rows; t++) {
      float factor = rowFactors == 0 ? 1f : Floats.get(rowFactors + 4L * t);
      addProducts(sums, a + 4 * t * width, b + 4 * t * width, factor, count);
    }
  }

  /** {@code sums += factor a b} on {@code count} floats. */
  private static void addProducts(long sums, long a, long b, float factor, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector scaled = Floats.load(a + 4L * i).mul(factor);
      Floats.store(sums + 4L * i, scaled.fma(Floats.load(b + 4L * i), Floats.load(sums + 4L * i)));
    }
    if (i < count) {
      var lanes = Floats.tail(i, count);
      FloatVector scaled = Floats.load(a + 4L * i, lanes).mul(factor);
      Floats.store(sums + 4L * i, scaled.fma(Floats.load(b + 4L * i, lanes), Floats.load(sums + 4L * i, lanes)), lanes);
    }
  }

  private static void multiply(long out, long a, long b, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, Floats.load(a + 4L * i).mul(Floats.load(b + 4L * i)));
    }
    if (i < count) {
      var lanes = Floats.tail(i, count);
      Floats.store(out + 4L * i, Floats.load(a + 4L * i, lanes).mul(Floats.load(b + 4L * i, lanes)), lanes);
    }
  }

  private static void multiplyAdd(long out, long a, long b, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector old = Floats.load(out + 4L * i);
      Floats.store(out + 4L * i, Floats.load(a + 4L * i).fma(Floats.load(b + 4L * i), old));
    }
    if (i < count) {
      var lanes = Floats.tail(i, count);
      FloatVector old = Floats.load(out + 4L * i, lanes);
      Floats.store(out + 4L * i, Floats.load(a + 4L * i, lanes).fma(Floats.load(b + 4L * i, lanes), old), lanes);
    }
  }
}
