package dev.cocktail.kernels.emulator;

import static dev.cocktail.kernels.emulator.Lanes.bits;
import static dev.cocktail.kernels.emulator.Lanes.f;

import dev.cocktail.kernels.emulator.Opcode.Type;
import java.math.BigDecimal;

/**
 * Arithmetic on floats and doubles. Approximate functions are rounded from double precision: better than any GPU's, so
 * agreement here proves no tight tolerance there.
 */
final class FloatInstructions {
  private FloatInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    boolean flush = op.has("ftz");
    boolean saturate = op.has("sat");
    boolean approximate = op.has("approx");
    boolean full = op.has("full");
    boolean nan = op.has("NaN");
    String mode = op.oneOf("rn", "rz", "rm", "rp");
    if (op.base.equals("testp")) {
      return test(d, op);
    }
    Type type = op.type();
    boolean single = type.isFloat(32);
    if (!single && !type.isFloat(64)) {
      if (type.pair() || type.bits() == 16) {
        return HalfInstructions.approximate(d, op, type, approximate);
      }
      throw op.unknown();
    }
    boolean mayBeApproximate =
        switch (op.base) {
          case "rcp", "sqrt", "div", "ex2", "lg2", "sin", "cos", "tanh", "rsqrt" -> true;
          default -> false;
        };
    if (approximate && !mayBeApproximate
        || full && !op.base.equals("div")
        || nan && !op.base.equals("min") && !op.base.equals("max")) {
      throw op.unknown();
    }
    boolean exact =
        switch (op.base) {
          case "rcp", "sqrt", "div" -> !approximate && !full;
          case "fma", "mad", "add", "sub", "mul" -> true;
          default -> false;
        };
    if (mode != null && !exact || mode == null && exact && !op.base.matches("add|sub|mul")) {
      throw op.unknown();
    }
    if (!exact && mayBeApproximate && !approximate && !full) {
      throw op.unknown();
    }
    String rounding = mode == null ? "rn" : mode;
    if (!single) {
      if (flush && !approximate || saturate) {
        throw op.unknown();
      }
      return doubles(d, op, rounding, approximate);
    }
    if (!flush && !saturate && rounding.equals("rn")) {
      Operation frequent = frequent(d, op);
      if (frequent != null) {
        return frequent;
      }
    }
    return floats(d, op, rounding, flush, saturate, approximate, nan);
  }

  /** Loops of their own for what kernels do most. */
  private static Operation frequent(Decoder d, Opcode op) {
    return switch (op.base) {
      case "add" -> {
        d.requireOperands(3);
        int r = d.word(0);
        int a = d.word(1);
        int b = d.word(2);
        yield (w, lanes) -> {
          int[] words = w.words;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              words[r + l] = bits(f(words[a + l]) + f(words[b + l]));
            }
          }
        };
      }
      case "sub" -> {
        d.requireOperands(3);
        int r = d.word(0);
        int a = d.word(1);
        int b = d.word(2);
        yield (w, lanes) -> {
          int[] words = w.words;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              words[r + l] = bits(f(words[a + l]) - f(words[b + l]));
            }
          }
        };
      }
      case "mul" -> {
        d.requireOperands(3);
        int r = d.word(0);
        int a = d.word(1);
        int b = d.word(2);
        yield (w, lanes) -> {
          int[] words = w.words;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              words[r + l] = bits(f(words[a + l]) * f(words[b + l]));
            }
          }
        };
      }
      case "fma", "mad" -> {
        d.requireOperands(4);
        int r = d.word(0);
        int a = d.word(1);
        int b = d.word(2);
        int c = d.word(3);
        yield (w, lanes) -> {
          int[] words = w.words;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              words[r + l] = bits(Math.fma(f(words[a + l]), f(words[b + l]), f(words[c + l])));
            }
          }
        };
      }
      default -> null;
    };
  }

  private static float finish(float x, boolean flush, boolean saturate) {
    float flushed = flush ? Rounding.flush(x) : x;
    return saturate ? Rounding.saturate(flushed) : flushed;
  }

  private static Operation one(Decoder d, boolean flush, boolean saturate, Lanes.Float1 function) {
    d.requireOperands(2);
    return flush || saturate
        ? Lanes.floats(d.word(0), d.word(1), x -> finish(function.of(flush ? Rounding.flush(x) : x), flush, saturate))
        : Lanes.floats(d.word(0), d.word(1), function);
  }

  private static Operation two(Decoder d, boolean flush, boolean saturate, Lanes.Float2 function) {
    d.requireOperands(3);
    return flush || saturate
        ? Lanes.floats(
            d.word(0),
            d.word(1),
            d.word(2),
            (x, y) ->
                finish(function.of(flush ? Rounding.flush(x) : x, flush ? Rounding.flush(y) : y), flush, saturate))
        : Lanes.floats(d.word(0), d.word(1), d.word(2), function);
  }

  private static Operation floats(
      Decoder d, Opcode op, String mode, boolean flush, boolean saturate, boolean approximate, boolean nan) {
    return switch (op.base) {
      case "add" -> two(d, flush, saturate, (x, y) -> sum(x, y, mode));
      case "sub" -> two(d, flush, saturate, (x, y) -> sum(x, -y, mode));
      case "mul" -> two(d, flush, saturate, (x, y) -> Rounding.toFloat((double) x * y, 0, mode));
      case "fma", "mad" -> {
        d.requireOperands(4);
        yield Lanes.floats(
            d.word(0),
            d.word(1),
            d.word(2),
            d.word(3),
            (x, y, z) ->
                flush
                    ? finish(fma(Rounding.flush(x), Rounding.flush(y), Rounding.flush(z), mode), true, saturate)
                    : finish(fma(x, y, z, mode), false, saturate));
      }
      case "div" ->
          approximate
              ? two(d, flush, saturate, FloatInstructions::approximateQuotient)
              : two(d, flush, saturate, (x, y) -> quotient(x, y, mode));
      case "rcp" -> one(d, flush, saturate, x -> quotient(1, x, mode));
      case "sqrt" -> one(d, flush, saturate, x -> root(x, mode));
      case "rsqrt" -> one(d, flush, saturate, x -> (float) (1 / Math.sqrt(x)));
      case "ex2" -> one(d, flush, saturate, x -> (float) Math.pow(2, x));
      case "lg2" -> one(d, flush, saturate, x -> (float) (Math.log(x) / Math.log(2)));
      case "sin" -> one(d, flush, saturate, x -> (float) Math.sin(x));
      case "cos" -> one(d, flush, saturate, x -> (float) Math.cos(x));
      case "tanh" -> one(d, flush, saturate, x -> (float) Math.tanh(x));
      case "abs" -> one(d, flush, saturate, Math::abs);
      case "neg" -> one(d, flush, saturate, x -> -x);
      case "min" -> two(d, flush, saturate, (x, y) -> extreme(x, y, nan, true));
      case "max" -> two(d, flush, saturate, (x, y) -> extreme(x, y, nan, false));
      case "copysign" -> two(d, flush, saturate, (sign, x) -> Math.copySign(x, sign));
      default -> throw op.unknown();
    };
  }

  /** The smaller or larger; of a number and not-a-number the number, unless the latter is asked for. */
  static float extreme(float x, float y, boolean nan, boolean smaller) {
    if (!nan && Float.isNaN(x)) {
      return y;
    }
    if (!nan && Float.isNaN(y)) {
      return x;
    }
    return smaller ? Math.min(x, y) : Math.max(x, y);
  }

  private static double extreme(double x, double y, boolean smaller) {
    return Double.isNaN(x) ? y : Double.isNaN(y) ? x : smaller ? Math.min(x, y) : Math.max(x, y);
  }

  private static float sum(float x, float y, String mode) {
    double sum = (double) x + y;
    return Rounding.toFloat(sum, Rounding.lostInSum(x, y, sum), mode);
  }

  private static float fma(float x, float y, float z, String mode) {
    double product = (double) x * y;
    double sum = product + z;
    return Rounding.toFloat(sum, Rounding.lostInSum(product, z, sum), mode);
  }

  private static float quotient(float x, float y, String mode) {
    if (mode.equals("rn")) {
      return x / y;
    }
    double quotient = (double) x / y;
    double rest = Math.fma(-quotient, y, (double) x) * Math.signum(y);
    return Rounding.toFloat(quotient, rest, mode);
  }

  /** As PTX defines it: divisors beyond 2^126 give 0. */
  private static float approximateQuotient(float x, float y) {
    float size = Math.abs(y);
    if (size > 0x1p126f && Float.isFinite(size)) {
      return Float.isInfinite(x) || Float.isNaN(x) ? Float.NaN : Math.copySign(0f, x) * Math.signum(y);
    }
    return x / y;
  }

  private static float root(float x, String mode) {
    double root = Math.sqrt(x);
    return mode.equals("rn") ? (float) root : Rounding.toFloat(root, Math.fma(-root, root, (double) x), mode);
  }

  private static Operation doubles(Decoder d, Opcode op, String mode, boolean approximate) {
    boolean nearest = mode.equals("rn");
    switch (op.base) {
      case "add", "sub" -> {
        d.requireOperands(3);
        double sign = op.base.equals("sub") ? -1 : 1;
        return Lanes.doubles(
            d.wide(0),
            d.wide(1),
            d.wide(2),
            (x, y) -> nearest || !isFinite(x, y) ? x + sign * y : directed(x, 1, sign * y, mode));
      }
      case "mul" -> {
        d.requireOperands(3);
        return Lanes.doubles(
            d.wide(0), d.wide(1), d.wide(2), (x, y) -> nearest || !isFinite(x, y) ? x * y : directed(x, y, 0, mode));
      }
      case "fma", "mad" -> {
        d.requireOperands(4);
        return Lanes.doubles(
            d.wide(0),
            d.wide(1),
            d.wide(2),
            d.wide(3),
            (x, y, z) ->
                nearest || !isFinite(x, y) || !Double.isFinite(z) ? Math.fma(x, y, z) : directed(x, y, z, mode));
      }
      case "min", "max" -> {
        d.requireOperands(3);
        boolean smaller = op.base.equals("min");
        return Lanes.doubles(d.wide(0), d.wide(1), d.wide(2), (x, y) -> extreme(x, y, smaller));
      }
      case "div" -> {
        d.requireOperands(3);
        requireNearest(op, nearest && !approximate);
        return Lanes.doubles(d.wide(0), d.wide(1), d.wide(2), (x, y) -> x / y);
      }
      case "copysign" -> {
        d.requireOperands(3);
        return Lanes.doubles(d.wide(0), d.wide(1), d.wide(2), (sign, x) -> Math.copySign(x, sign));
      }
      default -> d.requireOperands(2);
    }
    requireNearest(op, nearest);
    return switch (op.base) {
      // The approximations of doubles have the upper half of the bits only.
      case "rcp" -> Lanes.doubles(d.wide(0), d.wide(1), x -> approximate ? upperHalf(1 / x) : 1 / x);
      case "rsqrt" -> Lanes.doubles(d.wide(0), d.wide(1), x -> upperHalf(1 / Math.sqrt(x)));
      case "sqrt" -> {
        requireNearest(op, !approximate);
        yield Lanes.doubles(d.wide(0), d.wide(1), Math::sqrt);
      }
      case "abs" -> Lanes.doubles(d.wide(0), d.wide(1), Math::abs);
      case "neg" -> Lanes.doubles(d.wide(0), d.wide(1), x -> -x);
      default -> throw op.unknown();
    };
  }

  private static void requireNearest(Opcode op, boolean condition) {
    if (!condition) {
      throw op.unknown();
    }
  }

  private static double upperHalf(double x) {
    return Double.longBitsToDouble(Double.doubleToRawLongBits(x) & 0xFFFF_FFFF_0000_0000L);
  }

  private static boolean isFinite(double x, double y) {
    return Double.isFinite(x) && Double.isFinite(y);
  }

  private static double directed(double x, double y, double z, String mode) {
    return Rounding.toDouble(new BigDecimal(x).multiply(new BigDecimal(y)).add(new BigDecimal(z)), mode);
  }

  private static Operation test(Decoder d, Opcode op) {
    String property = op.required("finite", "infinite", "number", "notanumber", "normal", "subnormal");
    Type type = op.type();
    d.requireOperands(2);
    int r = d.resultPredicate(d.operand(0));
    boolean single = type.isFloat(32);
    int a = d.base(1, type.bits());
    return (w, lanes) -> {
      int values = 0;
      for (int l = 0; l < 32; l++) {
        double x = single ? f(w.words[a + l]) : Double.longBitsToDouble(w.longs[a + l]);
        double smallest = single ? Float.MIN_NORMAL : Double.MIN_NORMAL;
        boolean holds =
            switch (property) {
              case "finite" -> Double.isFinite(x);
              case "infinite" -> Double.isInfinite(x);
              case "number" -> !Double.isNaN(x);
              case "notanumber" -> Double.isNaN(x);
              case "normal" -> Double.isFinite(x) && Math.abs(x) >= smallest;
              default -> x != 0 && Math.abs(x) < smallest;
            };
        values |= holds ? 1 << l : 0;
      }
      Lanes.set(w, r, lanes, values);
    };
  }
}
