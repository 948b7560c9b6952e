package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;
import static dev.cocktail.tensor.cpu.Lanes.MEMORY;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Operations that pick rows or elements of rows: embedding, gatherRows, argmax. */
final class RowOps {
  /** Columns of a table's gradient that a task owns: all tokens are added to them in order, whoever runs it. */
  private static final int STRIP = 512;

  private final WorkerPool pool;

  RowOps(WorkerPool pool) {
    this.pool = pool;
  }

  /** The values of an I32 tensor, each checked to be in [0, limit). */
  static int[] indices(String operation, String name, Tensor tensor, long limit) {
    int[] values = ints(tensor);
    for (int i = 0; i < values.length; i++) {
      if (values[i] < 0 || values[i] >= limit) {
        throw new IllegalArgumentException(
            operation + ": " + name + "[" + i + "] is " + values[i] + ", expected 0 to " + (limit - 1));
      }
    }
    return values;
  }

  /** The values of an I32 tensor. */
  static int[] ints(Tensor tensor) {
    Lanes.requireAddressable(tensor);
    return tensor.segment().toArray(Floats.INT);
  }

  void embedding(Tensor out, Tensor weight, Tensor ids) {
    long target = Floats.at(out);
    long table = Floats.at(weight);
    DType type = weight.dtype();
    int width = Math.toIntExact(weight.dim(1));
    int[] rows = indices("embedding", "ids", ids, weight.dim(0));
    Chunks.rows(
        pool,
        rows.length,
        width,
        (from, to) -> {
          for (int t = (int) from; t < to; t++) {
            long row = (long) rows[t] * width;
            Widening.widen(type, table + row * type.bytes(), width, target + 4L * t * width);
          }
        });
  }

  void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    long target = Floats.at(dWeight);
    long upstream = Floats.at(dOut);
    long width = dWeight.dim(1);
    int[] rows = indices("embeddingBackward", "ids", ids, dWeight.dim(0));
    Chunks.split(
        pool,
        width,
        STRIP,
        (from, to) -> {
          for (int t = 0; t < rows.length; t++) {
            long row = target + 4 * (rows[t] * width + from);
            ElementwiseOps.addScaled(row, row, upstream + 4 * (t * width + from), 1f, (int) (to - from));
          }
        });
  }

  void gatherRows(Tensor out, Tensor in, Tensor rows) {
    long target = Floats.at(out);
    long source = Floats.at(in);
    long rowBytes = 4 * in.dim(1);
    int[] sources = indices("gatherRows", "rows", rows, in.dim(0));
    Chunks.rows(
        pool,
        sources.length,
        in.dim(1),
        (from, to) -> {
          for (int i = (int) from; i < to; i++) {
            MemorySegment.copy(MEMORY, source + sources[i] * rowBytes, MEMORY, target + i * rowBytes, rowBytes);
          }
        });
  }

  void argmax(Tensor out, Tensor in) {
    long target = Floats.at(out);
    int width = Math.toIntExact(in.dim(1));
    if (in.dtype() != DType.F32) {
      Chunks.rows(
          pool,
          in.dim(0),
          width,
          (from, to) -> {
            for (long t = from; t < to; t++) {
              Floats.setInt(target + 4 * t, firstLargest(in, t * width, width));
            }
          });
      return;
    }
    long source = Floats.at(in);
    Chunks.rows(
        pool,
        in.dim(0),
        width,
        (from, to) -> {
          for (long t = from; t < to; t++) {
            long row = source + 4 * t * width;
            Floats.setInt(target + 4 * t, firstEqual(row, max(row, width), width));
          }
        });
  }

  /** The largest of {@code count} floats; NaN if one is. Maxima are exact: their order does not matter. */
  static float max(long x, int count) {
    FloatVector largest = Floats.splat(Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      largest = largest.max(Floats.load(x + 4L * i));
    }
    float max = largest.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      max = Math.max(max, Floats.get(x + 4L * i));
    }
    return max;
  }

  /** A row's maximum is NaN where an element is; then the first such element is the answer, as in PyTorch. */
  private static int firstEqual(long x, float value, int count) {
    int i = 0;
    while (i <= count - COUNT && !hasEqual(x + 4L * i, value)) {
      i += COUNT;
    }
    for (; i < count; i++) {
      float element = Floats.get(x + 4L * i);
      if (element == value || Float.isNaN(element)) {
        return i;
      }
    }
    return 0;
  }

  private static boolean hasEqual(long x, float value) {
    FloatVector elements = Floats.load(x);
    return elements.compare(VectorOperators.EQ, value).or(elements.test(VectorOperators.IS_NAN)).anyTrue();
  }

  private static int firstLargest(Tensor in, long start, int count) {
    int best = 0;
    for (int i = 1; i < count; i++) {
      double element = in.get(start + i);
      double largest = in.get(start + best);
      if (element > largest || (Double.isNaN(element) && !Double.isNaN(largest))) {
        best = i;
      }
    }
    return best;
  }
}
