package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;
import java.util.function.IntBinaryOperator;
import java.util.function.LongBinaryOperator;

/** Arithmetic of whole numbers. */
final class IntegerInstructions {
  private IntegerInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    return switch (op.base) {
      case "add", "sub" -> addition(d, op);
      case "addc", "subc" -> carrying(d, op, op.base.equals("addc"), true);
      case "mul" -> product(d, op, false);
      case "mad" -> product(d, op, true);
      case "madc" -> product(d, op, true);
      case "mul24", "mad24" -> product24(d, op);
      case "div", "rem", "min", "max" -> binary(d, op);
      case "abs", "neg" -> sign(d, op);
      case "sad" -> absoluteDifference(d, op);
      case "dp4a" -> dotProduct(d, op);
      default -> throw op.unknown();
    };
  }

  static int extend(Type type, int x) {
    return type.bits() == 32 ? x : type.isSigned() ? (short) x : x & 0xFFFF;
  }

  static void requireInteger(Opcode op, Type type) {
    if (!type.isInteger() || type.bits() < 16) {
      throw op.unknown();
    }
  }

  /** An operation of two numbers of 16 or 32 bits. */
  static Operation narrow(Decoder d, Type type, IntBinaryOperator f) {
    if (type.bits() == 32) {
      return Lanes.words(d.word(0), d.word(1), d.word(2), f);
    }
    return Lanes.words(
        d.half(0), d.half(1), d.half(2), (x, y) -> f.applyAsInt(extend(type, x), extend(type, y)) & 0xFFFF);
  }

  static Operation wide(Decoder d, LongBinaryOperator f) {
    return Lanes.longs(d.wide(0), d.wide(1), d.wide(2), f);
  }

  private static Operation addition(Decoder d, Opcode op) {
    boolean add = op.base.equals("add");
    if (op.has("cc")) {
      return carrying(d, op, add, false, true);
    }
    boolean saturate = op.has("sat");
    Type type = op.type();
    requireInteger(op, type);
    d.requireOperands(3);
    if (saturate) {
      if (type.kind() != 's' || type.bits() != 32) {
        throw op.unknown();
      }
      return narrow(
          d, type, (x, y) -> (int) Math.clamp(add ? (long) x + y : (long) x - y, Integer.MIN_VALUE, Integer.MAX_VALUE));
    }
    if (type.bits() == 16) {
      return narrow(d, type, add ? (x, y) -> x + y : (x, y) -> x - y);
    }
    int r = d.base(0, type.bits());
    int a = d.base(1, type.bits());
    int b = d.base(2, type.bits());
    if (type.bits() == 32) {
      return add
          ? (w, lanes) -> {
            int[] words = w.words;
            for (int l = 0; l < 32; l++) {
              if ((lanes >>> l & 1) != 0) {
                words[r + l] = words[a + l] + words[b + l];
              }
            }
          }
          : (w, lanes) -> {
            int[] words = w.words;
            for (int l = 0; l < 32; l++) {
              if ((lanes >>> l & 1) != 0) {
                words[r + l] = words[a + l] - words[b + l];
              }
            }
          };
    }
    return add
        ? (w, lanes) -> {
          long[] longs = w.longs;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              longs[r + l] = longs[a + l] + longs[b + l];
            }
          }
        }
        : (w, lanes) -> {
          long[] longs = w.longs;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              longs[r + l] = longs[a + l] - longs[b + l];
            }
          }
        };
  }

  private static Operation carrying(Decoder d, Opcode op, boolean add, boolean takes) {
    return carrying(d, op, add, takes, op.has("cc"));
  }

  /** Sums with the carry flag; a difference adds the complement, so its flag is the inverted borrow. */
  private static Operation carrying(Decoder d, Opcode op, boolean add, boolean takes, boolean gives) {
    Type type = op.type();
    requireInteger(op, type);
    d.requireOperands(3);
    return sum(d.base(0, type.bits()), d.base(1, type.bits()), d.base(2, type.bits()), type.bits(), add, takes, gives);
  }

  private static Operation sum(int r, int a, int b, int bits, boolean add, boolean takes, boolean gives) {
    if (bits != 32 && bits != 64) {
      throw new EmulatorFault("carries have 32 or 64 bits, not " + bits);
    }
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        long x = bits == 32 ? w.words[a + l] & 0xFFFF_FFFFL : w.longs[a + l];
        long y = bits == 32 ? w.words[b + l] & 0xFFFF_FFFFL : w.longs[b + l];
        if (!add) {
          y = bits == 32 ? ~y & 0xFFFF_FFFFL : ~y;
        }
        long in = takes ? w.carry >>> l & 1 : add ? 0 : 1;
        long total = x + y + in;
        boolean out;
        if (bits == 32) {
          w.words[r + l] = (int) total;
          out = total >>> 32 != 0;
        } else {
          w.longs[r + l] = total;
          // The carry out of the top bit: of both, or of one where the sum has lost the bit.
          out = ((x & y) | ((x | y) & ~total)) < 0;
        }
        if (gives) {
          w.carry = out ? w.carry | 1 << l : w.carry & ~(1 << l);
        }
      }
    };
  }

  private static long highOf(Type type, long x, long y) {
    if (type.bits() == 64) {
      return type.isSigned() ? Math.multiplyHigh(x, y) : Math.unsignedMultiplyHigh(x, y);
    }
    return (x * y) >> type.bits();
  }

  private static long read(Warp w, Type type, int base, int l) {
    return switch (type.bits()) {
      case 64 -> w.longs[base + l];
      case 32 -> type.isSigned() ? w.words[base + l] : w.words[base + l] & 0xFFFF_FFFFL;
      default -> extend(type, w.words[base + l]);
    };
  }

  static void write(Warp w, int bits, int base, int l, long value) {
    if (bits == 64) {
      w.longs[base + l] = value;
    } else {
      w.words[base + l] = bits == 32 ? (int) value : (int) value & 0xFFFF;
    }
  }

  private static Operation product(Decoder d, Opcode op, boolean adds) {
    String part = op.required("lo", "hi", "wide");
    boolean gives = op.has("cc");
    boolean takes = op.base.equals("madc");
    boolean saturate = op.has("sat");
    Type type = op.type();
    if (type.kind() != 's' && type.kind() != 'u' || type.bits() < 16 || saturate) {
      throw op.unknown();
    }
    d.requireOperands(adds ? 4 : 3);
    int bits = part.equals("wide") ? 2 * type.bits() : type.bits();
    if (bits > 64) {
      throw op.unknown();
    }
    int r = d.base(0, bits);
    int a = type.bits() == 16 ? d.half(1) : d.base(1, type.bits());
    int b = type.bits() == 16 ? d.half(2) : d.base(2, type.bits());
    int c = adds ? d.base(3, bits) : 0;
    if (gives || takes) {
      int scratch = d.base(new Operand.Sink(), bits);
      Operation product = multiply(part, type, scratch, a, b, bits);
      Operation sum = sum(r, scratch, c, bits, true, takes, gives);
      return (w, lanes) -> {
        product.run(w, lanes);
        sum.run(w, lanes);
      };
    }
    if (!adds) {
      return multiply(part, type, r, a, b, bits);
    }
    if (part.equals("lo") && bits == 32) {
      return (w, lanes) -> {
        int[] words = w.words;
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            words[r + l] = words[a + l] * words[b + l] + words[c + l];
          }
        }
      };
    }
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long x = read(w, type, a, l);
          long y = read(w, type, b, l);
          long product = part.equals("hi") ? highOf(type, x, y) : x * y;
          write(w, bits, r, l, product + (bits == 64 ? w.longs[c + l] : w.words[c + l]));
        }
      }
    };
  }

  private static Operation multiply(String part, Type type, int r, int a, int b, int bits) {
    if (part.equals("lo") && bits == 32) {
      return (w, lanes) -> {
        int[] words = w.words;
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            words[r + l] = words[a + l] * words[b + l];
          }
        }
      };
    }
    if (part.equals("lo") && bits == 64) {
      return Lanes.longs(r, a, b, (x, y) -> x * y);
    }
    boolean high = part.equals("hi");
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          long x = read(w, type, a, l);
          long y = read(w, type, b, l);
          write(w, bits, r, l, high ? highOf(type, x, y) : x * y);
        }
      }
    };
  }

  private static Operation product24(Decoder d, Opcode op) {
    op.required("lo");
    Type type = op.type();
    if (type.bits() != 32) {
      throw op.unknown();
    }
    boolean signed = type.isSigned();
    if (op.base.equals("mul24")) {
      d.requireOperands(3);
      return Lanes.words(d.word(0), d.word(1), d.word(2), (x, y) -> low24(x, signed) * low24(y, signed));
    }
    d.requireOperands(4);
    return Lanes.words(
        d.word(0), d.word(1), d.word(2), d.word(3), (x, y, z) -> low24(x, signed) * low24(y, signed) + z);
  }

  private static int low24(int x, boolean signed) {
    return signed ? x << 8 >> 8 : x & 0xFF_FFFF;
  }

  private static Operation binary(Decoder d, Opcode op) {
    Type type = op.type();
    if (type.kind() != 's' && type.kind() != 'u' || type.bits() < 16) {
      throw op.unknown();
    }
    d.requireOperands(3);
    boolean signed = type.isSigned();
    if (type.bits() == 64) {
      return switch (op.base) {
        case "div" -> wide(d, (x, y) -> y == 0 ? -1 : signed ? x / y : Long.divideUnsigned(x, y));
        case "rem" -> wide(d, (x, y) -> y == 0 ? x : signed ? x % y : Long.remainderUnsigned(x, y));
        case "min" -> wide(d, (x, y) -> signed ? Math.min(x, y) : Long.compareUnsigned(x, y) < 0 ? x : y);
        default -> wide(d, (x, y) -> signed ? Math.max(x, y) : Long.compareUnsigned(x, y) > 0 ? x : y);
      };
    }
    // The result of a division by zero is the hardware's own choice: all ones.
    return switch (op.base) {
      case "div" -> narrow(d, type, (x, y) -> y == 0 ? -1 : signed ? x / y : Integer.divideUnsigned(x, y));
      case "rem" -> narrow(d, type, (x, y) -> y == 0 ? x : signed ? x % y : Integer.remainderUnsigned(x, y));
      case "min" -> narrow(d, type, (x, y) -> signed ? Math.min(x, y) : Integer.compareUnsigned(x, y) < 0 ? x : y);
      default -> narrow(d, type, (x, y) -> signed ? Math.max(x, y) : Integer.compareUnsigned(x, y) > 0 ? x : y);
    };
  }

  private static Operation sign(Decoder d, Opcode op) {
    Type type = op.type();
    requireInteger(op, type);
    d.requireOperands(2);
    if (type.kind() != 's') {
      throw op.unknown();
    }
    boolean wide = type.bits() == 64;
    if (op.base.equals("abs")) {
      return wide
          ? Lanes.longs(d.wide(0), d.wide(1), Math::abs)
          : Lanes.words(d.word(0), d.word(1), x -> type.bits() == 16 ? Math.abs((short) x) & 0xFFFF : Math.abs(x));
    }
    return wide
        ? Lanes.longs(d.wide(0), d.wide(1), x -> -x)
        : Lanes.words(d.word(0), d.word(1), x -> type.bits() == 16 ? -x & 0xFFFF : -x);
  }

  private static Operation absoluteDifference(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(4);
    if (type.bits() != 32) {
      throw op.unknown();
    }
    boolean signed = type.isSigned();
    return Lanes.words(
        d.word(0),
        d.word(1),
        d.word(2),
        d.word(3),
        (x, y, z) -> z + ((signed ? x < y : Integer.compareUnsigned(x, y) < 0) ? y - x : x - y));
  }

  private static Operation dotProduct(Decoder d, Opcode op) {
    boolean firstSigned = op.type().isSigned();
    boolean secondSigned = op.type().isSigned();
    d.requireOperands(4);
    return Lanes.words(
        d.word(0), d.word(1), d.word(2), d.word(3), (x, y, z) -> z + dot(x, firstSigned, y, secondSigned));
  }

  private static int dot(int x, boolean xSigned, int y, boolean ySigned) {
    int sum = 0;
    for (int i = 0; i < 32; i += 8) {
      int a = xSigned ? (byte) (x >>> i) : x >>> i & 0xFF;
      int b = ySigned ? (byte) (y >>> i) : y >>> i & 0xFF;
      sum += a * b;
    }
    return sum;
  }
}
