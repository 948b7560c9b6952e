package dev.cocktail.kernels.emulator;

import dev.cocktail.tensor.DType;
import java.math.BigDecimal;

/** Rounding in all directions, from exact values. */
final class Rounding {
  private Rounding() {}

  static float flush(float x) {
    return Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
  }

  static float saturate(float x) {
    return x > 0 ? Math.min(x, 1) : 0;
  }

  static double saturate(double x) {
    return x > 0 ? Math.min(x, 1) : 0;
  }

  /** What {@code a + b} lost when it was rounded to {@code sum} (Knuth's TwoSum). */
  static double lostInSum(double a, double b, double sum) {
    double part = sum - a;
    return (a - (sum - part)) + (b - part);
  }

  /** Rounds {@code x + rest}, with {@code rest} less than half a unit of x, to a float: rn, rz, rm or rp. */
  static float toFloat(double x, double rest, String mode) {
    float nearest = (float) x;
    if (Double.isNaN(x) || Double.isInfinite(x)) {
      return nearest;
    }
    // The sign of what the float leaves over decides.
    double left = x - nearest;
    int sign = Float.isInfinite(nearest) ? (nearest > 0 ? -1 : 1) : left != 0 ? (int) Math.signum(left) : 0;
    if (sign == 0) {
      sign = Double.isNaN(rest) ? 0 : (int) Math.signum(rest);
    }
    return switch (mode) {
      case "rn" -> rest == 0 || Double.isNaN(rest) ? nearest : toNearest(x, rest);
      case "rm" -> sign < 0 ? Math.nextDown(nearest) : nearest;
      case "rp" -> sign > 0 ? Math.nextUp(nearest) : nearest;
      case "rz" -> {
        boolean tooLarge = nearest > 0 ? sign < 0 : sign > 0 && nearest < 0;
        yield tooLarge ? (nearest > 0 ? Math.nextDown(nearest) : Math.nextUp(nearest)) : nearest;
      }
      default -> throw new IllegalArgumentException(mode);
    };
  }

  private static float toNearest(double x, double rest) {
    return (float) odd(x, rest);
  }

  /**
   * A double that rounds to any narrower type as {@code x + rest} does: its last bit is set where something is lost.
   */
  static double odd(double x, double rest) {
    if (rest == 0 || Double.isNaN(rest) || Double.isInfinite(x)) {
      return x;
    }
    long bits = Double.doubleToRawLongBits(x);
    if ((bits & 1) != 0) {
      return x;
    }
    return rest > 0 ? Math.nextUp(x) : Math.nextDown(x);
  }

  /** A float that rounds to any type of at most 22 bits' precision as the double does. */
  private static float oddFloat(double x) {
    float truncated = toFloat(x, 0, "rz");
    return truncated == x || Double.isNaN(x) || Double.isInfinite(x)
        ? truncated
        : Float.intBitsToFloat(Float.floatToRawIntBits(truncated) | 1);
  }

  static int toBf16(double x) {
    return Double.isNaN(x) ? 0x7FFF : DType.floatToBf16(oddFloat(x)) & 0xFFFF;
  }

  static int toF16(double x) {
    return Double.isNaN(x) ? 0x7FFF : DType.floatToF16(oddFloat(x)) & 0xFFFF;
  }

  /** Truncates to bfloat16. */
  static int toBf16Truncating(float x) {
    return Float.isNaN(x) ? 0x7FFF : Float.floatToRawIntBits(x) >>> 16;
  }

  /** Truncates to an IEEE half. */
  static int toF16Truncating(float x) {
    if (Float.isNaN(x)) {
      return 0x7FFF;
    }
    int nearest = DType.floatToF16(x) & 0xFFFF;
    float back = DType.f16ToFloat((short) nearest);
    return Math.abs(back) > Math.abs(x) ? nearest - 1 : nearest;
  }

  static float widen(int bits, boolean brain) {
    return brain ? DType.bf16ToFloat((short) bits) : DType.f16ToFloat((short) bits);
  }

  static int narrow(double x, boolean brain) {
    return brain ? toBf16(x) : toF16(x);
  }

  /** Rounds an exact value to a double in a direction; only for finite values. */
  static double toDouble(BigDecimal exact, String mode) {
    double nearest = exact.doubleValue();
    if (Double.isInfinite(nearest)) {
      boolean inwards = mode.equals("rz") || mode.equals(nearest > 0 ? "rm" : "rp");
      return inwards ? Math.copySign(Double.MAX_VALUE, nearest) : nearest;
    }
    int sign = exact.compareTo(new BigDecimal(nearest));
    return switch (mode) {
      case "rm" -> sign < 0 ? Math.nextDown(nearest) : nearest;
      case "rp" -> sign > 0 ? Math.nextUp(nearest) : nearest;
      case "rz" ->
          sign != 0 && (sign < 0) == (exact.signum() > 0)
              ? (exact.signum() > 0 ? Math.nextDown(nearest) : Math.nextUp(nearest))
              : nearest;
      default -> nearest;
    };
  }

  /** Rounds a whole number, of 64 bits with or without a sign, to a double or, with {@code bits} 32, to a float. */
  static double fromInteger(long x, boolean signed, int bits, String mode) {
    BigDecimal exact = signed ? BigDecimal.valueOf(x) : new BigDecimal(Long.toUnsignedString(x));
    if (bits == 64) {
      return toDouble(exact, mode);
    }
    float nearest = exact.floatValue();
    int sign = exact.compareTo(new BigDecimal(nearest));
    boolean down = sign < 0 && (mode.equals("rm") || (mode.equals("rz") && x > 0) || (mode.equals("rz") && !signed));
    boolean up = sign > 0 && (mode.equals("rp") || (mode.equals("rz") && signed && x < 0));
    return down ? Math.nextDown(nearest) : up ? Math.nextUp(nearest) : nearest;
  }
}
