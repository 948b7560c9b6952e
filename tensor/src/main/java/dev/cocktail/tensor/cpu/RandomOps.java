package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Operations that draw random numbers: dropout, uniform, normal. Words are drawn a few thousand at a time. */
final class RandomOps {
  /** Words drawn at once; they stay in the first-level cache until used. A multiple of every vector length. */
  private static final int BATCH = 2048;

  private final WorkerPool pool;

  RandomOps(WorkerPool pool) {
    this.pool = pool;
  }

  /** Work on elements [from, from + count), whose words are given; {@code from} is a multiple of 4. */
  @FunctionalInterface
  private interface Draw {
    void accept(int[] words, long from, int count);
  }

  private void draw(RandomKey key, long elements, Draw draw) {
    Chunks.elements(
        pool,
        elements,
        (from, to) -> {
          int[] words = new int[BATCH];
          for (long i = from; i < to; i += BATCH) {
            int count = (int) Math.min(BATCH, to - i);
            PhiloxLanes.fill(key, i >> 2, (count + 3) >> 2, words);
            draw.accept(words, i, count);
          }
        });
  }

  void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    long target = Floats.at(out);
    long source = Floats.at(in);
    // word >>> 8 is an integer: compared with p 2^24 it may as well be compared with the next integer.
    int threshold = (int) Math.ceil(p * 0x1p24);
    float scale = (float) (1 / (1 - p));
    draw(
        key,
        out.elements(),
        (words, from, count) -> {
          if (accumulate) {
            addKept(target + 4 * from, source + 4 * from, words, threshold, scale, count);
          } else {
            keep(target + 4 * from, source + 4 * from, words, threshold, scale, count);
          }
        });
  }

  private static void keep(long out, long in, int[] words, int threshold, float scale, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector kept = Floats.splat(0f).blend(Floats.load(in + 4L * i).mul(scale), kept(words, i, threshold));
      Floats.store(out + 4L * i, kept);
    }
    for (; i < count; i++) {
      boolean keep = words[i] >>> 8 >= threshold;
      Floats.set(out + 4L * i, keep ? scale * Floats.get(in + 4L * i) : 0f);
    }
  }

  private static void addKept(long out, long in, int[] words, int threshold, float scale, int count) {
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector old = Floats.load(out + 4L * i);
      FloatVector sum = Floats.load(in + 4L * i).fma(Floats.splat(scale), old);
      Floats.store(out + 4L * i, old.blend(sum, kept(words, i, threshold)));
    }
    for (; i < count; i++) {
      if (words[i] >>> 8 >= threshold) {
        Floats.set(out + 4L * i, Math.fma(scale, Floats.get(in + 4L * i), Floats.get(out + 4L * i)));
      }
    }
  }

  private static VectorMask<Float> kept(int[] words, int i, int threshold) {
    IntVector numbers = IntVector.fromArray(Lanes.INTS, words, i).lanewise(VectorOperators.LSHR, 8);
    return numbers.compare(VectorOperators.GE, threshold).cast(Lanes.FLOATS);
  }

  void uniform(Tensor out, double low, double high, RandomKey key) {
    requireHost(out);
    draw(
        key,
        out.elements(),
        (words, from, count) -> {
          for (int i = 0; i < count; i++) {
            store(out, from + i, low + (high - low) * Philox.toUnitFloat(words[i]));
          }
        });
  }

  void normal(Tensor out, double mean, double std, RandomKey key) {
    requireHost(out);
    draw(
        key,
        out.elements(),
        (words, from, count) -> {
          for (int i = 0; i < count; i += 2) {
            double radius = std * Math.sqrt(-2 * Math.log(((words[i] & 0xFFFFFFFFL) + 1) * 0x1p-32));
            double angle = 2 * Math.PI * (words[i + 1] & 0xFFFFFFFFL) * 0x1p-32;
            store(out, from + i, mean + radius * Math.cos(angle));
            if (i + 1 < count) {
              store(out, from + i + 1, mean + radius * Math.sin(angle));
            }
          }
        });
  }

  private static void requireHost(Tensor out) {
    Lanes.requireAddressable(out);
  }

  private static void store(Tensor out, long index, double value) {
    if (out.dtype() == DType.F32) {
      Floats.set(out.address() + 4 * index, (float) value);
    } else {
      out.set(index, value);
    }
  }
}
