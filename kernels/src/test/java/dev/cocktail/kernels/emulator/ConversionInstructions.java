package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;
import java.util.List;

/** Moves, conversions between types, and between the spaces' addresses. */
final class ConversionInstructions {
  private ConversionInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    return switch (op.base) {
      case "mov" -> move(d, op);
      case "cvta" -> convertAddress(d, op);
      default -> convert(d, op);
    };
  }

  private static Operation move(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(2);
    if (type.kind() == 'p') {
      int r = d.resultPredicate(d.operand(0));
      Decoder.Predicate a = d.predicate(1);
      return (w, lanes) -> Lanes.set(w, r, lanes, w.predicates[a.slot()] ^ a.flip());
    }
    if (d.operand(1) instanceof Operand.Group) {
      return pack(d, type);
    }
    if (d.operand(0) instanceof Operand.Group) {
      return unpack(d, type);
    }
    if (type.registerBits() == 64) {
      return copyLongs(d.wide(0), d.wide(1));
    }
    return copyWords(d.word(0), type.registerBits() == 16 ? d.half(1) : d.word(1));
  }

  private static Operation copyWords(int r, int a) {
    return (w, lanes) -> {
      int[] words = w.words;
      if (lanes == -1) {
        System.arraycopy(words, a, words, r, 32);
        return;
      }
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          words[r + l] = words[a + l];
        }
      }
    };
  }

  private static Operation copyLongs(int r, int a) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.longs[r + l] = w.longs[a + l];
        }
      }
    };
  }

  private static int part(Decoder d, Operand operand, int bits) {
    boolean small = bits < 32 && operand instanceof Operand.Immediate;
    return small ? d.wordConstant((int) ((Operand.Immediate) operand).value() & ((1 << bits) - 1)) : d.word(operand);
  }

  private static Operation pack(Decoder d, Type type) {
    List<Operand> parts = d.group(1);
    int bits = type.bits() / parts.size();
    int[] from = parts.stream().mapToInt(each -> part(d, each, bits)).toArray();
    int r = d.base(0, type.bits());
    long mask = (1L << bits) - 1;
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long value = 0;
          for (int i = 0; i < from.length; i++) {
            value |= (w.words[from[i] + l] & mask) << (i * bits);
          }
          if (type.bits() == 64) {
            w.longs[r + l] = value;
          } else {
            w.words[r + l] = (int) value;
          }
        }
      }
    };
  }

  private static Operation unpack(Decoder d, Type type) {
    int[] to = d.bases(0, 32);
    int bits = type.bits() / to.length;
    int a = d.base(1, type.bits());
    long mask = (1L << bits) - 1;
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long value = type.bits() == 64 ? w.longs[a + l] : w.words[a + l];
          for (int i = 0; i < to.length; i++) {
            w.words[to[i] + l] = (int) (value >>> (i * bits) & mask);
          }
        }
      }
    };
  }

  private static Operation convertAddress(Decoder d, Opcode op) {
    boolean toSpace = op.has("to");
    String space = op.required("global", "shared", "shared::cta", "local", "const", "param");
    if (op.type().bits() != 64) {
      throw op.unknown();
    }
    d.requireOperands(2);
    long window = MemoryInstructions.window(space);
    long offset = toSpace ? -window : window;
    int r = d.wide(0);
    int a = d.wide(1);
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.longs[r + l] = w.longs[a + l] + offset;
        }
      }
    };
  }

  // cvt

  private static Operation convert(Decoder d, Opcode op) {
    String whole = op.oneOf("rni", "rzi", "rmi", "rpi");
    String mode = op.oneOf("rn", "rz", "rm", "rp");
    boolean flush = op.has("ftz");
    boolean saturate = op.has("sat");
    boolean relu = op.has("relu");
    Type to = op.type();
    Type from = op.type();
    if (to.pair()) {
      return pair(d, op, to, from, mode, relu, saturate || flush || whole != null);
    }
    d.requireOperands(2);
    if (to.isInteger() && from.isInteger()) {
      if (whole != null || mode != null || flush || relu) {
        throw op.unknown();
      }
      return integers(d, to, from, saturate);
    }
    if (relu && (to.bits() != 16 || to.isInteger()) || flush && to.bits() != 32 && from.bits() != 32) {
      throw op.unknown();
    }
    if (from.isInteger()) {
      if (mode == null || whole != null || flush) {
        throw op.unknown();
      }
      return fromInteger(d, to, from, mode, saturate);
    }
    if (to.isInteger()) {
      if (whole == null || mode != null) {
        throw op.unknown();
      }
      return toInteger(d, to, from, whole, flush);
    }
    boolean narrows = to.bits() < from.bits() || (to.bits() == 16 && to.kind() != from.kind());
    if (narrows && mode == null || whole != null && to.bits() != from.bits()) {
      throw op.unknown();
    }
    return floats(d, to, from, whole, mode == null ? "rn" : mode, flush, saturate, relu);
  }

  private static long read(Warp w, boolean wide, int base, int l) {
    return wide ? w.longs[base + l] : w.words[base + l] & 0xFFFF_FFFFL;
  }

  private static void write(Warp w, int registerBits, int base, int l, long value) {
    if (registerBits == 64) {
      w.longs[base + l] = value;
    } else {
      w.words[base + l] = registerBits == 16 ? (int) value & 0xFFFF : (int) value;
    }
  }

  private static long extend(Type type, long value) {
    int unused = 64 - type.bits();
    return type.isSigned() ? value << unused >> unused : value << unused >>> unused;
  }

  private static int bitsOf(Decoder d, int operand, Type type) {
    int bits = d.registerBits(operand);
    return bits != 0 ? bits : type.bits() == 64 ? 64 : 32;
  }

  private static Operation integers(Decoder d, Type to, Type from, boolean saturate) {
    int targetBits = bitsOf(d, 0, to);
    int sourceBits = bitsOf(d, 1, from);
    boolean wide = sourceBits == 64;
    int r = d.base(0, targetBits);
    int a = d.base(1, sourceBits);
    if (!saturate && !wide && targetBits == 64 && from.bits() == 32 && to.bits() == 64) {
      long mask = from.isSigned() ? -1 : 0xFFFF_FFFFL;
      return (w, lanes) -> {
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            w.longs[r + l] = w.words[a + l] & mask;
          }
        }
      };
    }
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long value = extend(from, read(w, wide, a, l));
          if (saturate) {
            value = clamp(to, from, value);
          }
          write(w, targetBits, r, l, extend(to, value));
        }
      }
    };
  }

  private static long clamp(Type to, Type from, long value) {
    boolean huge = !from.isSigned() && value < 0;
    if (to.isSigned()) {
      long largest = Long.MAX_VALUE >> (64 - to.bits());
      return huge ? largest : Math.clamp(value, -largest - 1, largest);
    }
    if (from.isSigned() && value < 0) {
      return 0;
    }
    long largest = to.bits() == 64 ? -1 : (1L << to.bits()) - 1;
    return Long.compareUnsigned(value, largest) > 0 ? largest : value;
  }

  private static double readFloat(Warp w, Type type, int base, int l) {
    return switch (type.bits()) {
      case 64 -> Double.longBitsToDouble(w.longs[base + l]);
      case 32 -> Lanes.f(w.words[base + l]);
      default -> Rounding.widen(w.words[base + l], type.kind() == 'h');
    };
  }

  private static void writeFloat(Warp w, Type type, int base, int l, double value) {
    switch (type.bits()) {
      case 64 -> w.longs[base + l] = Double.doubleToRawLongBits(value);
      case 32 -> w.words[base + l] = Lanes.bits((float) value);
      default -> w.words[base + l] = Rounding.narrow(value, type.kind() == 'h');
    }
  }

  private static Operation fromInteger(Decoder d, Type to, Type from, String mode, boolean saturate) {
    int sourceBits = bitsOf(d, 1, from);
    boolean wide = sourceBits == 64;
    int r = d.base(0, to.bits());
    int a = d.base(1, sourceBits);
    boolean simple = mode.equals("rn") && !saturate && to.bits() >= 32 && (from.bits() < 64 || from.isSigned());
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long value = extend(from, read(w, wide, a, l));
          double result;
          if (simple) {
            result = to.bits() == 64 ? (double) value : (float) value;
          } else if (to.bits() == 16) {
            result = value; // Whole numbers of up to 53 bits are exact; longer ones are infinite or far from a tie.
          } else {
            result = Rounding.fromInteger(value, from.isSigned(), to.bits(), mode);
          }
          writeFloat(w, to, r, l, saturate ? Rounding.saturate(result) : result);
        }
      }
    };
  }

  private static double toWhole(double x, String whole) {
    return switch (whole) {
      case "rni" -> Math.rint(x);
      case "rmi" -> Math.floor(x);
      case "rpi" -> Math.ceil(x);
      default -> x < 0 ? Math.ceil(x) : Math.floor(x);
    };
  }

  /** Out of range gives the nearest number of the type, not-a-number gives 0. */
  private static Operation toInteger(Decoder d, Type to, Type from, String whole, boolean flush) {
    int targetBits = bitsOf(d, 0, to);
    int r = d.base(0, targetBits);
    int a = d.base(1, from.bits());
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          double x = readFloat(w, from, a, l);
          double value = toWhole(flush ? Rounding.flush((float) x) : x, whole);
          long result;
          if (to.isSigned()) {
            result = clamp(to, to.bits() == 64 ? to : new Type('s', 64, false), (long) value);
          } else if (to.bits() == 64) {
            result =
                value >= 0x1p63
                    ? (value >= 0x1p64 ? -1 : (long) (value - 0x1p63) + Long.MIN_VALUE)
                    : (long) Math.max(value, 0);
            result = Double.isNaN(value) ? 0 : result;
          } else {
            result = clamp(to, new Type('s', 64, false), (long) value);
          }
          write(w, targetBits, r, l, extend(to, result));
        }
      }
    };
  }

  private static Operation floats(
      Decoder d, Type to, Type from, String whole, String mode, boolean flush, boolean saturate, boolean relu) {
    int r = d.base(0, to.bits());
    int a = d.base(1, from.bits());
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        double x = readFloat(w, from, a, l);
        if (flush && from.bits() == 32) {
          x = Rounding.flush((float) x);
        }
        if (whole != null) {
          x = toWhole(x, whole);
        }
        if (saturate) {
          x = Rounding.saturate(x);
        }
        if (relu && x < 0) {
          x = 0;
        }
        if (to.bits() == 32 && from.bits() == 64) {
          float rounded = Rounding.toFloat(x, 0, mode);
          w.words[r + l] = Lanes.bits(flush ? Rounding.flush(rounded) : rounded);
        } else if (to.bits() == 16) {
          w.words[r + l] = narrow(x, to.kind() == 'h', mode);
        } else {
          writeFloat(w, to, r, l, x);
        }
      }
    };
  }

  private static int narrow(double x, boolean brain, String mode) {
    return switch (mode) {
      case "rn" -> Rounding.narrow(x, brain);
      case "rz" -> brain ? Rounding.toBf16Truncating((float) x) : Rounding.toF16Truncating((float) x);
      default -> throw new EmulatorFault("narrowing with ." + mode + " is not known");
    };
  }

  /** Two floats into one register, the first into the upper half. */
  private static Operation pair(Decoder d, Opcode op, Type to, Type from, String mode, boolean relu, boolean more) {
    if (mode == null || !mode.equals("rn") && !mode.equals("rz") || more || !from.isFloat(32)) {
      throw op.unknown();
    }
    d.requireOperands(3);
    boolean brain = to.kind() == 'h';
    return Lanes.words(
        d.word(0),
        d.word(1),
        d.word(2),
        (high, low) -> narrowOne(high, brain, mode, relu) << 16 | narrowOne(low, brain, mode, relu));
  }

  private static int narrowOne(int bits, boolean brain, String mode, boolean relu) {
    float x = Lanes.f(bits);
    return narrow(relu && x < 0 ? 0 : x, brain, mode);
  }
}
