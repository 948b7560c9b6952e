package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import jdk.incubator.vector.FloatVector;

/** Factors on columns, their gradient, and the sums over rows that such gradients are. */
final class ColumnOps {
  /** Rows a task sums. */
  private static final int BLOCK = 64;

  /** Columns a task adds the blocks' sums of. */
  private static final int STRIP = 1024;

  private final WorkerPool pool;
  private final CpuMemory memory;

  ColumnOps(WorkerPool pool, CpuMemory memory) {
    this.pool = pool;
    this.memory = memory;
  }

  void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    long target = Floats.at(out);
    long source = Floats.at(in);
    long scales = Floats.at(factors);
    int width = Math.toIntExact(in.dim(1));
    Chunks.rows(
        pool,
        in.dim(0),
        width,
        (from, to) -> {
          for (long t = from; t < to; t++) {
            multiply(target + 4 * t * width, source + 4 * t * width, scales, width);
          }
        });
  }

  void scaleColumnsBackward(Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
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
    Chunks.rows(
        pool,
        dIn.dim(0),
        width,
        (from, to) -> {
          for (long t = from; t < to; t++) {
            multiplyAdd(target + 4 * t * width, source + 4 * t * width, scales, width);
          }
        });
  }

  /**
   * {@code sums[n] += sum_t a[t,n] b[t,n] rowFactors[t]}, without the last factor where its address is 0. Rows are
   * summed in blocks, and blocks are added in order.
   */
  void addColumnSums(Tensor sums, Tensor a, Tensor b, long rowFactors) {
    long target = Floats.at(sums);
    long first = Floats.at(a);
    long second = Floats.at(b);
    long rows = a.dim(0);
    int width = Math.toIntExact(a.dim(1));
    int blocks = Math.toIntExact((rows + BLOCK - 1) / BLOCK);
    TensorArena.Region scratch = memory.acquire(Math.max(4, 4L * blocks * width));
    try {
      long blockSums = scratch.address();
      Chunks.split(
          pool,
          rows,
          BLOCK,
          (from, to) -> {
            long start = 4 * from * width;
            long into = blockSums + 4 * (from / BLOCK) * width;
            ElementwiseOps.fill(into, 0f, width);
            addRows(
                into,
                first + start,
                second + start,
                rowFactors == 0 ? 0 : rowFactors + 4 * from,
                width,
                (int) (to - from));
          });
      Chunks.split(
          pool,
          width,
          STRIP,
          (from, to) -> {
            for (int block = 0; block < blocks; block++) {
              long part = blockSums + 4L * block * width + 4 * from;
              ElementwiseOps.addScaled(target + 4 * from, target + 4 * from, part, 1f, (int) (to - from));
            }
          });
    } finally {
      memory.release(scratch);
    }
  }

  private static void addRows(long sums, long a, long b, long rowFactors, long width, int rows) {
    for (int t = 0; t < rows; t++) {
      float factor = rowFactors == 0 ? 1f : Floats.get(rowFactors + 4L * t);
      addProducts(sums, a + 4 * t * width, b + 4 * t * width, factor, (int) width);
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
