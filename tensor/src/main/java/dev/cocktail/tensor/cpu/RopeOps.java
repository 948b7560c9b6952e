package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Rotary position embeddings, applied in place to queries and keys. */
final class RopeOps {
  private final WorkerPool pool;

  RopeOps(WorkerPool pool) {
    this.pool = pool;
  }

  void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    long tokens = Floats.at(qkv);
    long cosines = Floats.at(cos);
    long sines = Floats.at(sin);
    int half = Math.toIntExact(cos.dim(1));
    int[] rows = RowOps.indices("rope", "rowOfToken", rowOfToken, cos.dim(0));
    int heads = shape.heads() + shape.kvHeads();
    long width = shape.qkvWidth();
    float sign = inverse ? -1f : 1f;
    Chunks.rows(
        pool,
        rows.length,
        width,
        (from, to) -> {
          for (int t = (int) from; t < to; t++) {
            long angles = 4L * rows[t] * half;
            token(tokens + 4 * t * width, cosines + angles, sines + angles, half, heads, shape.headDim(), sign);
          }
        });
  }

  private static void token(long x, long cos, long sin, int half, int heads, int headDim, float sign) {
    int j = 0;
    for (; j <= half - COUNT; j += COUNT) {
      rotate(x + 4L * j, Floats.load(cos + 4L * j), Floats.load(sin + 4L * j).mul(sign), half, heads, headDim);
    }
    if (j < half) {
      VectorMask<Float> tail = Floats.tail(j, half);
      FloatVector c = Floats.load(cos + 4L * j, tail);
      FloatVector s = Floats.load(sin + 4L * j, tail).mul(sign);
      for (int head = 0; head < heads; head++) {
        long address = x + 4L * head * headDim + 4L * j;
        FloatVector a = Floats.load(address, tail);
        FloatVector b = Floats.load(address + 4L * half, tail);
        Floats.store(address, a.mul(c).sub(b.mul(s)), tail);
        Floats.store(address + 4L * half, b.fma(c, a.mul(s)), tail);
      }
    }
  }

  private static void rotate(long x, FloatVector cos, FloatVector sin, int half, int heads, int headDim) {
    for (int head = 0; head < heads; head++) {
      long address = x + 4L * head * headDim;
      FloatVector a = Floats.load(address);
      FloatVector b = Floats.load(address + 4L * half);
      Floats.store(address, a.mul(cos).sub(b.mul(sin)));
      Floats.store(address + 4L * half, b.fma(cos, a.mul(sin)));
    }
  }
}
