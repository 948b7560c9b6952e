package dev.cocktail.kernels.emulator;

import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.IntBinaryOperator;
import java.util.function.IntUnaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/** Operations from functions of one lane, for instructions that are not among the most frequent. */
final class Lanes {
  interface Float1 {
    float of(float x);
  }

  interface Float2 {
    float of(float x, float y);
  }

  interface Float3 {
    float of(float x, float y, float z);
  }

  interface Double3 {
    double of(double x, double y, double z);
  }

  interface Int3 {
    int of(int x, int y, int z);
  }

  interface Long3 {
    long of(long x, long y, long z);
  }

  private Lanes() {}

  static Operation words(int d, int a, IntUnaryOperator f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[d + l] = f.applyAsInt(w.words[a + l]);
        }
      }
    };
  }

  static Operation words(int d, int a, int b, IntBinaryOperator f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[d + l] = f.applyAsInt(w.words[a + l], w.words[b + l]);
        }
      }
    };
  }

  static Operation words(int d, int a, int b, int c, Int3 f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[d + l] = f.of(w.words[a + l], w.words[b + l], w.words[c + l]);
        }
      }
    };
  }

  static Operation longs(int d, int a, LongUnaryOperator f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.longs[d + l] = f.applyAsLong(w.longs[a + l]);
        }
      }
    };
  }

  static Operation longs(int d, int a, int b, LongBinaryOperator f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.longs[d + l] = f.applyAsLong(w.longs[a + l], w.longs[b + l]);
        }
      }
    };
  }

  static Operation longs(int d, int a, int b, int c, Long3 f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.longs[d + l] = f.of(w.longs[a + l], w.longs[b + l], w.longs[c + l]);
        }
      }
    };
  }

  static float f(int bits) {
    return Float.intBitsToFloat(bits);
  }

  static int bits(float x) {
    return Float.floatToRawIntBits(x);
  }

  static Operation floats(int d, int a, Float1 f) {
    return words(d, a, x -> bits(f.of(f(x))));
  }

  static Operation floats(int d, int a, int b, Float2 f) {
    return words(d, a, b, (x, y) -> bits(f.of(f(x), f(y))));
  }

  static Operation floats(int d, int a, int b, int c, Float3 f) {
    return words(d, a, b, c, (x, y, z) -> bits(f.of(f(x), f(y), f(z))));
  }

  static Operation doubles(int d, int a, DoubleUnaryOperator f) {
    return longs(d, a, x -> Double.doubleToRawLongBits(f.applyAsDouble(Double.longBitsToDouble(x))));
  }

  static Operation doubles(int d, int a, int b, DoubleBinaryOperator f) {
    return longs(
        d,
        a,
        b,
        (x, y) -> Double.doubleToRawLongBits(f.applyAsDouble(Double.longBitsToDouble(x), Double.longBitsToDouble(y))));
  }

  static Operation doubles(int d, int a, int b, int c, Double3 f) {
    return longs(
        d,
        a,
        b,
        c,
        (x, y, z) ->
            Double.doubleToRawLongBits(
                f.of(Double.longBitsToDouble(x), Double.longBitsToDouble(y), Double.longBitsToDouble(z))));
  }

  static void set(Warp warp, int predicate, int lanes, int values) {
    warp.predicates[predicate] = (warp.predicates[predicate] & ~lanes) | (values & lanes);
  }
}
