package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import jdk.incubator.vector.FloatVector;

/** Root-mean-square norm, forward and backward. */
final class NormOps {
  private final WorkerPool pool;
  private final ColumnOps columns;

  NormOps(WorkerPool pool, ColumnOps columns) {
    this.pool = pool;
    this.columns = columns;
  }

  void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    int width = Math.toIntExact(x.dim(1));
    long target = Floats.at(out);
    long inverses = Floats.at(rstd);
    long source = Floats.at(x);
    long addend = residual == null ? 0 : Floats.at(residual);
    long normalised = residual == null ? source : Floats.at(sum);
    try (Arena scratch = Arena.ofConfined()) {
      long weights = Conversions.asFloats(weight, scratch);
      Chunks.rows(
          pool,
          x.dim(0),
          width,
          (from, to) -> {
            float[] lanes = new float[COUNT];
            for (long t = from; t < to; t++) {
              long row = 4 * t * width;
              if (addend != 0) {
                ElementwiseOps.addScaled(normalised + row, source + row, addend + row, 1f, width);
              }
              sumProducts(normalised + row, normalised + row, width, lanes);
              float inverse = (float) (1 / Math.sqrt(Floats.sum(lanes) / width + epsilon));
              Floats.set(inverses + 4 * t, inverse);
              normalise(target + row, normalised + row, weights, inverse, width);
            }
          });
    }
  }

  void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    long inverses = Floats.at(rstd);
    if (dWeight != null) {
      // Before dX, which may take the place of dOut.
      columns.addColumnSums(dWeight, dOut, x, inverses);
    }
    if (dX == null) {
      return;
    }
    int width = Math.toIntExact(x.dim(1));
    long target = Floats.at(dX);
    long upstream = Floats.at(dOut);
    long source = Floats.at(x);
    try (Arena scratch = Arena.ofConfined()) {
      long weights = Conversions.asFloats(weight, scratch);
      Chunks.rows(
          pool,
          x.dim(0),
          width,
          (from, to) -> {
            float[] lanes = new float[COUNT];
            for (long t = from; t < to; t++) {
              long row = 4 * t * width;
              float inverse = Floats.get(inverses + 4 * t);
              sumProducts(upstream + row, source + row, weights, width, lanes);
              // n mean(g n) = x rstd^2 mean(g x)
              float projection = (float) (Floats.sum(lanes) / width * inverse * inverse);
              if (accumulate) {
                addGradient(target + row, upstream + row, source + row, weights, inverse, projection, width);
              } else {
                gradient(target + row, upstream + row, source + row, weights, inverse, projection, width);
              }
            }
          });
    }
  }

  /** Sums {@code a b} into {@code lanes}: lane l has the elements l, l + lanes, ..., in four interleaved sums. */
  static void sumProducts(long a, long b, int count, float[] lanes) {
    FloatVector sum0 = Floats.splat(0f);
    FloatVector sum1 = sum0;
    FloatVector sum2 = sum0;
    FloatVector sum3 = sum0;
    int i = 0;
    for (; i <= count - 4 * COUNT; i += 4 * COUNT) {
      sum0 = Floats.load(a + 4L * i).fma(Floats.load(b + 4L * i), sum0);
      sum1 = Floats.load(a + 4L * (i + COUNT)).fma(Floats.load(b + 4L * (i + COUNT)), sum1);
      sum2 = Floats.load(a + 4L * (i + 2 * COUNT)).fma(Floats.load(b + 4L * (i + 2 * COUNT)), sum2);
      sum3 = Floats.load(a + 4L * (i + 3 * COUNT)).fma(Floats.load(b + 4L * (i + 3 * COUNT)), sum3);
    }
    for (; i < count; i += COUNT) {
      var tail = Floats.tail(i, count);
      sum0 = Floats.load(a + 4L * i, tail).fma(Floats.load(b + 4L * i, tail), sum0);
    }
    sum0.add(sum1).add(sum2.add(sum3)).intoArray(lanes, 0);
  }

  /** Sums {@code a b c} into {@code lanes}. */
  private static void sumProducts(long a, long b, long c, int count, float[] lanes) {
    FloatVector sum0 = Floats.splat(0f);
    FloatVector sum1 = sum0;
    int i = 0;
    for (; i <= count - 2 * COUNT; i += 2 * COUNT) {
      FloatVector product0 = Floats.load(a + 4L * i).mul(Floats.load(b + 4L * i));
      FloatVector product1 = Floats.load(a + 4L * (i + COUNT)).mul(Floats.load(b + 4L * (i + COUNT)));
      sum0 = product0.fma(Floats.load(c + 4L * i), sum0);
      sum1 = product1.fma(Floats.load(c + 4L * (i + COUNT)), sum1);
    }
    for (; i < count; i += COUNT) {
      var tail = Floats.tail(i, count);
      sum0 = Floats.load(a + 4L * i, tail).mul(Floats.load(b + 4L * i, tail)).fma(Floats.load(c + 4L * i, tail), sum0);
    }
    sum0.add(sum1).intoArray(lanes, 0);
  }

  private static void normalise(long out, long x, long weight, float inverse, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, Floats.load(x + 4L * i).mul(inverse).mul(Floats.load(weight + 4L * i)));
    }
    if (i < count) {
      var tail = Floats.tail(i, count);
      FloatVector scaled = Floats.load(x + 4L * i, tail).mul(inverse);
      Floats.store(out + 4L * i, scaled.mul(Floats.load(weight + 4L * i, tail)), tail);
    }
  }

  private static void gradient(long dX, long dOut, long x, long weight, float inverse, float projection, int count) {
    for (int i = 0; i < count; i += COUNT) {
      var tail = Floats.tail(i, count);
      FloatVector away = Floats.load(x + 4L * i, tail).mul(-projection);
      FloatVector g = Floats.load(dOut + 4L * i, tail).mul(Floats.load(weight + 4L * i, tail));
      Floats.store(dX + 4L * i, g.add(away).mul(inverse), tail);
    }
  }

  private static void addGradient(long dX, long dOut, long x, long weight, float inverse, float projection, int count) {
    for (int i = 0; i < count; i += COUNT) {
      var tail = Floats.tail(i, count);
      FloatVector away = Floats.load(x + 4L * i, tail).mul(-projection);
      FloatVector g = Floats.load(dOut + 4L * i, tail).mul(Floats.load(weight + 4L * i, tail));
      Floats.store(dX + 4L * i, g.add(away).fma(Floats.splat(inverse), Floats.load(dX + 4L * i, tail)), tail);
    }
  }
}
