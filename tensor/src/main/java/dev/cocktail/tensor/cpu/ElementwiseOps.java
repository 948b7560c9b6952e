package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import jdk.incubator.vector.FloatVector;

/** Operations on every element by itself: fill, addScaled, scale, divide. */
final class ElementwiseOps {
  private final WorkerPool pool;

  ElementwiseOps(WorkerPool pool) {
    this.pool = pool;
  }

  void fill(Tensor out, double value) {
    long address = Floats.at(out);
    if (out.dtype() == DType.F32) {
      Chunks.elements(pool, out.elements(), (i, end) -> fill(address + 4 * i, (float) value, (int) (end - i)));
    } else {
      Chunks.elements(pool, out.elements(), (from, to) -> fillOneByOne(out, value, from, to));
    }
  }

  private static void fillOneByOne(Tensor out, double value, long from, long to) {
    for (long i = from; i < to; i++) {
      out.set(i, value);
    }
  }

  static void fill(long out, float value, int count) {
    FloatVector values = Floats.splat(value);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, values);
    }
    if (i < count) {
      Floats.store(out + 4L * i, values, Floats.tail(i, count));
    }
  }

  void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    long target = Floats.at(out);
    long first = Floats.at(a);
    long second = Floats.at(b);
    float factor = (float) scale;
    Chunks.elements(
        pool,
        out.elements(),
        (i, end) -> addScaled(target + 4 * i, first + 4 * i, second + 4 * i, factor, (int) (end - i)));
  }

  /** {@code out = a + scale b} on {@code count} floats. */
  static void addScaled(long out, long a, long b, float scale, int count) {
    FloatVector factor = Floats.splat(scale);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, Floats.load(b + 4L * i).fma(factor, Floats.load(a + 4L * i)));
    }
    if (i < count) {
      var lanes = Floats.tail(i, count);
      Floats.store(out + 4L * i, Floats.load(b + 4L * i, lanes).fma(factor, Floats.load(a + 4L * i, lanes)), lanes);
    }
  }

  void scale(Tensor x, double scale) {
    long address = Floats.at(x);
    float factor = (float) scale;
    Chunks.elements(pool, x.elements(), (i, end) -> scaled(address + 4 * i, address + 4 * i, factor, (int) (end - i)));
  }

  /** {@code out = scale x} on {@code count} floats; out may be x. */
  static void scaled(long out, long x, float scale, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, Floats.load(x + 4L * i).mul(scale));
    }
    if (i < count) {
      var lanes = Floats.tail(i, count);
      Floats.store(out + 4L * i, Floats.load(x + 4L * i, lanes).mul(scale), lanes);
    }
  }

  void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    long target = Floats.at(out);
    long numerator = Floats.at(a);
    long denominator = Floats.at(b);
    Chunks.elements(
        pool,
        out.elements(),
        (i, end) -> divide(target + 4 * i, accumulate, numerator + 4 * i, denominator + 4 * i, (int) (end - i)));
  }

  private static void divide(long out, boolean accumulate, long a, long b, int count) {
    // A few thousand factors at most: not worth a vector kernel of its own.
    for (int i = 0; i < count; i++) {
      float quotient = Floats.get(a + 4L * i) / Floats.get(b + 4L * i);
      Floats.set(out + 4L * i, accumulate ? Floats.get(out + 4L * i) + quotient : quotient);
    }
  }
}
