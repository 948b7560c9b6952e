package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The gated unit {@code silu(gate) up} on fused projections, forward and backward. */
final class SwigluOps {
  /** Sigmoids computed at once; a loop that used them as well would be more than the compiler inlines. */
  private static final int BLOCK = 1024;

  private final WorkerPool pool;

  SwigluOps(WorkerPool pool) {
    this.pool = pool;
  }

  void swiglu(Tensor out, Tensor gateUp) {
    long target = Floats.at(out);
    long source = Floats.at(gateUp);
    int width = Math.toIntExact(out.dim(1));
    Chunks.rows(
        pool,
        out.dim(0),
        2L * width,
        (from, to) -> {
          for (long t = from; t < to; t++) {
            forward(target + 4 * t * width, source + 8 * t * width, width);
          }
        });
  }

  private static void forward(long out, long gate, int width) {
    long up = gate + 4L * width;
    int i = 0;
    for (; i <= width - COUNT; i += COUNT) {
      Floats.store(out + 4L * i, gated(Floats.load(gate + 4L * i), Floats.load(up + 4L * i)));
    }
    if (i < width) {
      forwardLast(out + 4L * i, gate + 4L * i, up + 4L * i, Floats.tail(i, width));
    }
  }

  /** A method of its own, because two exponentials in one may be more than the compiler inlines. */
  private static void forwardLast(long out, long gate, long up, VectorMask<Float> tail) {
    Floats.store(out, gated(Floats.load(gate, tail), Floats.load(up, tail)), tail);
  }

  private static FloatVector gated(FloatVector gate, FloatVector up) {
    return gate.div(VectorMath.exp(gate.neg()).add(1f)).mul(up);
  }

  void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    long target = Floats.at(dGateUp);
    long upstream = Floats.at(dOut);
    long source = Floats.at(gateUp);
    int width = Math.toIntExact(dOut.dim(1));
    Chunks.rows(
        pool,
        dOut.dim(0),
        2L * width,
        (from, to) -> {
          float[] sigmoids = new float[BLOCK];
          for (long t = from; t < to; t++) {
            for (int i = 0; i < width; i += BLOCK) {
              int count = Math.min(BLOCK, width - i);
              long gate = source + 4 * (2 * t * width + i);
              VectorMath.sigmoids(sigmoids, gate, count);
              backward(
                  target + 4 * (2 * t * width + i), upstream + 4 * (t * width + i), gate, sigmoids, 4L * width, count);
            }
          }
        });
  }

  /**
   * Reads each gate and up before it writes their gradients, which may be in the same place.
   *
   * @param toUp bytes from a gate to its up
   */
  private static void backward(long dGate, long dOut, long gate, float[] sigmoids, long toUp, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector z = Floats.load(gate + 4L * i);
      FloatVector up = Floats.load(gate + toUp + 4L * i);
      FloatVector s = FloatVector.fromArray(Lanes.FLOATS, sigmoids, i);
      FloatVector upstream = Floats.load(dOut + 4L * i).mul(s);
      Floats.store(dGate + toUp + 4L * i, upstream.mul(z));
      Floats.store(dGate + 4L * i, upstream.mul(up).mul(slope(z, s)));
    }
    if (i < count) {
      VectorMask<Float> tail = Floats.tail(i, count);
      FloatVector z = Floats.load(gate + 4L * i, tail);
      FloatVector up = Floats.load(gate + toUp + 4L * i, tail);
      FloatVector s = FloatVector.fromArray(Lanes.FLOATS, sigmoids, i, tail);
      FloatVector upstream = Floats.load(dOut + 4L * i, tail).mul(s);
      Floats.store(dGate + toUp + 4L * i, upstream.mul(z), tail);
      Floats.store(dGate + 4L * i, upstream.mul(up).mul(slope(z, s)), tail);
    }
  }

  /** {@code 1 + z (1 - s)}. */
  private static FloatVector slope(FloatVector z, FloatVector s) {
    return Floats.splat(1f).sub(s).fma(z, Floats.splat(1f));
  }
}
