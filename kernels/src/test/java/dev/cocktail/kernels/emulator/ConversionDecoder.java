package dev.cocktail.kernels.emulator;

import dev.cocktail.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Conversions between types, and of addresses between spaces. */
final class ConversionDecoder {
  private static final List<String> ROUNDINGS = List.of("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi");

  private final Operands operands;

  ConversionDecoder(Operands operands) {
    this.operands = operands;
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    List<String> o = s.operands();
    if (s.parts()[0].equals("cvta")) {
      return switch (s.opcode()) {
        case "cvta.to.global.u64", "cvta.global.u64" -> lane(o, (a, b, c) -> a);
        case "cvta.shared.u64" -> lane(o, (a, b, c) -> a + MemoryDecoder.SHARED_WINDOW);
        case "cvta.to.shared.u64" -> lane(o, (a, b, c) -> a - MemoryDecoder.SHARED_WINDOW);
        default -> null;
      };
    }
    if (!s.parts()[0].equals("cvt")) {
      return null;
    }
    List<String> parts = new ArrayList<>(Arrays.asList(s.parts()));
    parts.removeFirst();
    String rounding = ROUNDINGS.contains(parts.getFirst()) ? parts.removeFirst() : "";
    boolean saturates = parts.remove("sat");
    if (parts.size() != 2) {
      return null;
    }
    String to = parts.get(0);
    String from = parts.get(1);
    Instruction.Lane conversion = conversion(rounding, saturates, to, from);
    return conversion == null ? null : lane(o, conversion);
  }

  private Instruction lane(List<String> o, Instruction.Lane operation) {
    int a = operands.slot(o.get(1));
    int b = o.size() > 2 ? operands.slot(o.get(2)) : a;
    return new LaneInstruction(operands.slot(o.get(0)), a, b, b, operation);
  }

  private static Instruction.Lane conversion(String rounding, boolean saturates, String to, String from) {
    if (to.equals("bf16x2") && from.equals("f32") && rounding.equals("rn")) {
      return (a, b, c) -> (int) (bf16(a) << 16 | bf16(b));
    }
    if (to.equals("f16x2") && from.equals("f32") && rounding.equals("rn")) {
      return (a, b, c) -> (int) (f16(a) << 16 | f16(b));
    }
    boolean floatSource = from.startsWith("f") || from.equals("bf16");
    boolean floatTarget = to.startsWith("f") || to.equals("bf16");
    if (floatSource && floatTarget) {
      return betweenFloats(rounding, saturates, to, from);
    }
    if (saturates) {
      return null;
    }
    if (floatSource) {
      return fromFloat(rounding, to, from);
    }
    if (floatTarget) {
      return fromInteger(rounding, to, from);
    }
    int fromBits = 8 * PtxParser.bytes(from);
    int toBits = 8 * PtxParser.bytes(to);
    boolean signed = from.startsWith("s");
    return rounding.isEmpty() ? (a, b, c) -> IntegerDecoder.canonical(widened(a, fromBits, signed), toBits) : null;
  }

  private static long bf16(long bits) {
    return DType.floatToBf16(Float.intBitsToFloat((int) bits)) & 0xFFFFL;
  }

  private static long f16(long bits) {
    return DType.floatToF16(Float.intBitsToFloat((int) bits)) & 0xFFFFL;
  }

  private static long widened(long value, int bits, boolean signed) {
    return switch (bits) {
      case 8 -> signed ? (byte) value : value & 0xFF;
      case 16 -> signed ? (short) value : value & 0xFFFF;
      case 32 -> signed ? (int) value : value & 0xFFFFFFFFL;
      default -> value;
    };
  }

  private static double value(long bits, String type) {
    return switch (type) {
      case "f32" -> Float.intBitsToFloat((int) bits);
      case "f64" -> Double.longBitsToDouble(bits);
      case "f16" -> DType.f16ToFloat((short) bits);
      default -> DType.bf16ToFloat((short) bits);
    };
  }

  private static Instruction.Lane betweenFloats(String rounding, boolean saturates, String to, String from) {
    return switch (to + " " + from + " " + rounding) {
      case "f32 f32 " ->
          saturates
              ? (a, b, c) -> {
                float x = Float.intBitsToFloat((int) a);
                return Float.floatToRawIntBits(x > 0 ? Math.min(x, 1) : 0f);
              }
              : null;
      case "f32 f32 rni", "f32 f32 rzi", "f32 f32 rmi", "f32 f32 rpi" ->
          (a, b, c) -> Float.floatToRawIntBits((float) toWhole(value(a, "f32"), rounding));
      case "f64 f64 rni", "f64 f64 rzi", "f64 f64 rmi", "f64 f64 rpi" ->
          (a, b, c) -> Double.doubleToRawLongBits(toWhole(value(a, "f64"), rounding));
      case "f64 f32 " -> saturates ? null : (a, b, c) -> Double.doubleToRawLongBits(value(a, "f32"));
      case "f32 f16 ", "f32 bf16 " -> saturates ? null : (a, b, c) -> Float.floatToRawIntBits((float) value(a, from));
      case "f32 f64 rn" -> (a, b, c) -> Float.floatToRawIntBits((float) value(a, "f64"));
      case "bf16 f32 rn" -> (a, b, c) -> bf16(a);
      case "f16 f32 rn" -> (a, b, c) -> f16(a);
      case "f64 f16 " -> (a, b, c) -> Double.doubleToRawLongBits(value(a, from));
      case "f16 f64 rn" -> (a, b, c) -> Float.floatToFloat16(roundedToOdd(value(a, "f64"))) & 0xFFFFL;
      default -> null;
    };
  }

  /** A float whose rounding to fewer bits is that of the double: inexact ones get an odd last bit. */
  private static float roundedToOdd(double value) {
    float nearest = (float) value;
    if (nearest == value || Float.isNaN(nearest) || Float.isInfinite(nearest)) {
      return nearest;
    }
    int bits = Float.floatToRawIntBits(nearest);
    if ((bits & 1) != 0) {
      return nearest;
    }
    return Float.intBitsToFloat(Math.abs(value) > Math.abs((double) nearest) ? bits + 1 : bits - 1);
  }

  private static double toWhole(double x, String rounding) {
    return switch (rounding) {
      case "rni" -> Math.rint(x);
      case "rzi" -> x < 0 ? Math.ceil(x) : Math.floor(x);
      case "rmi" -> Math.floor(x);
      default -> Math.ceil(x);
    };
  }

  /** To integers, which hold at their ends; not-a-number becomes 0, as 64 bits the largest negative number. */
  private static Instruction.Lane fromFloat(String rounding, String to, String from) {
    if (!rounding.endsWith("i")) {
      return null;
    }
    return switch (to) {
      case "s32" -> (a, b, c) -> (int) toWhole(value(a, from), rounding);
      case "u32" -> (a, b, c) -> (int) (long) Math.clamp(toWhole(value(a, from), rounding), 0.0, 4294967295.0);
      case "s64" -> (a, b, c) -> (long) toWhole(value(a, from), rounding);
      default -> null;
    };
  }

  private static Instruction.Lane fromInteger(String rounding, String to, String from) {
    int bits = 8 * PtxParser.bytes(from);
    boolean signed = from.startsWith("s");
    if (!rounding.equals("rn") || (bits == 64 && !signed)) {
      return null;
    }
    return switch (to) {
      case "f32" -> (a, b, c) -> Float.floatToRawIntBits((float) widened(a, bits, signed));
      case "f64" -> (a, b, c) -> Double.doubleToRawLongBits((double) widened(a, bits, signed));
      default -> null;
    };
  }
}
