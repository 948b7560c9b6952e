package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;
import java.util.function.IntBinaryOperator;
import java.util.function.LongBinaryOperator;

/** Whole numbers and bits. */
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
      case "and", "or", "xor", "not", "cnot" -> logic(d, op);
      case "shl", "shr" -> shift(d, op);
      case "div", "rem", "min", "max" -> binary(d, op);
      case "abs", "neg", "popc", "clz", "brev", "bfind" -> unary(d, op);
      default -> bits(d, op);
    };
  }

  private static int extend(Type type, int x) {
    return type.bits() == 32 ? x : type.isSigned() ? (short) x : x & 0xFFFF;
  }

  private static void requireInteger(Opcode op, Type type) {
    if (!type.isInteger() || type.bits() < 16) {
      throw op.unknown();
    }
  }

  /** An operation of two numbers of 16 or 32 bits. */
  private static Operation narrow(Decoder d, Type type, IntBinaryOperator f) {
    if (type.bits() == 32) {
      return Lanes.words(d.word(0), d.word(1), d.word(2), f);
    }
    return Lanes.words(
        d.half(0), d.half(1), d.half(2), (x, y) -> f.applyAsInt(extend(type, x), extend(type, y)) & 0xFFFF);
  }

  private static Operation wide(Decoder d, LongBinaryOperator f) {
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

  private static void write(Warp w, int bits, int base, int l, long value) {
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

  private static Operation logic(Decoder d, Opcode op) {
    Type type = op.type();
    boolean one = op.base.equals("not") || op.base.equals("cnot");
    d.requireOperands(one ? 2 : 3);
    if (type.kind() == 'p') {
      return predicateLogic(d, op);
    }
    if (type.kind() != 'b') {
      throw op.unknown();
    }
    if (type.bits() == 64) {
      return switch (op.base) {
        case "and" -> wide(d, (x, y) -> x & y);
        case "or" -> wide(d, (x, y) -> x | y);
        case "xor" -> wide(d, (x, y) -> x ^ y);
        case "not" -> Lanes.longs(d.wide(0), d.wide(1), x -> ~x);
        default -> Lanes.longs(d.wide(0), d.wide(1), x -> x == 0 ? 1 : 0);
      };
    }
    int mask = type.bits() == 16 ? 0xFFFF : -1;
    return switch (op.base) {
      case "and" -> {
        int r = d.word(0);
        int a = d.word(1);
        int b = d.word(2);
        yield (w, lanes) -> {
          int[] words = w.words;
          for (int l = 0; l < 32; l++) {
            if ((lanes >>> l & 1) != 0) {
              words[r + l] = words[a + l] & words[b + l] & mask;
            }
          }
        };
      }
      case "or" -> narrow(d, type, (x, y) -> x | y);
      case "xor" -> narrow(d, type, (x, y) -> x ^ y);
      case "not" -> Lanes.words(d.word(0), d.word(1), x -> ~x & mask);
      default -> Lanes.words(d.word(0), d.word(1), x -> (x & mask) == 0 ? 1 : 0);
    };
  }

  private static Operation predicateLogic(Decoder d, Opcode op) {
    int r = d.resultPredicate(d.operand(0));
    Decoder.Predicate a = d.predicate(1);
    if (op.base.equals("not")) {
      return (w, lanes) -> Lanes.set(w, r, lanes, ~(w.predicates[a.slot()] ^ a.flip()));
    }
    Decoder.Predicate b = d.predicate(2);
    return switch (op.base) {
      case "and" ->
          (w, lanes) ->
              Lanes.set(w, r, lanes, (w.predicates[a.slot()] ^ a.flip()) & (w.predicates[b.slot()] ^ b.flip()));
      case "or" ->
          (w, lanes) ->
              Lanes.set(w, r, lanes, (w.predicates[a.slot()] ^ a.flip()) | (w.predicates[b.slot()] ^ b.flip()));
      case "xor" ->
          (w, lanes) -> Lanes.set(w, r, lanes, w.predicates[a.slot()] ^ a.flip() ^ w.predicates[b.slot()] ^ b.flip());
      default -> throw op.unknown();
    };
  }

  /** Shifts; a distance of the width or more shifts everything out. */
  private static Operation shift(Decoder d, Opcode op) {
    Type type = op.type();
    requireInteger(op, type);
    d.requireOperands(3);
    boolean left = op.base.equals("shl");
    boolean signed = type.isSigned();
    int distance = d.word(2);
    if (type.bits() == 64) {
      int r = d.wide(0);
      int a = d.wide(1);
      return (w, lanes) -> {
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            int by = w.words[distance + l];
            long x = w.longs[a + l];
            boolean out = by < 0 || by > 63;
            w.longs[r + l] = left ? (out ? 0 : x << by) : signed ? x >> (out ? 63 : by) : out ? 0 : x >>> by;
          }
        }
      };
    }
    int width = type.bits();
    int r = d.word(0);
    int a = width == 16 ? d.half(1) : d.word(1);
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          int by = w.words[distance + l];
          int x = w.words[a + l];
          boolean out = by < 0 || by >= width;
          if (width == 16) {
            x = signed ? (short) x : x & 0xFFFF;
          }
          int shifted = left ? (out ? 0 : x << by) : signed ? x >> (out ? 31 : by) : out ? 0 : x >>> by;
          w.words[r + l] = width == 16 ? shifted & 0xFFFF : shifted;
        }
      }
    };
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

  private static Operation unary(Decoder d, Opcode op) {
    boolean amount = op.base.equals("bfind") && op.has("shiftamt");
    Type type = op.type();
    requireInteger(op, type);
    d.requireOperands(2);
    boolean wide = type.bits() == 64;
    boolean changesSign = op.base.equals("abs") || op.base.equals("neg");
    if (changesSign && type.kind() != 's' || type.bits() == 16 && !changesSign) {
      throw op.unknown();
    }
    return switch (op.base) {
      case "abs" ->
          wide
              ? Lanes.longs(d.wide(0), d.wide(1), Math::abs)
              : Lanes.words(d.word(0), d.word(1), x -> type.bits() == 16 ? Math.abs((short) x) & 0xFFFF : Math.abs(x));
      case "neg" ->
          wide
              ? Lanes.longs(d.wide(0), d.wide(1), x -> -x)
              : Lanes.words(d.word(0), d.word(1), x -> type.bits() == 16 ? -x & 0xFFFF : -x);
      case "popc" ->
          wide ? narrowing(d.word(0), d.wide(1), Long::bitCount) : Lanes.words(d.word(0), d.word(1), Integer::bitCount);
      case "clz" ->
          wide
              ? narrowing(d.word(0), d.wide(1), Long::numberOfLeadingZeros)
              : Lanes.words(d.word(0), d.word(1), Integer::numberOfLeadingZeros);
      case "brev" ->
          wide ? Lanes.longs(d.wide(0), d.wide(1), Long::reverse) : Lanes.words(d.word(0), d.word(1), Integer::reverse);
      default ->
          wide
              ? narrowing(d.word(0), d.wide(1), x -> highestBit(type, x, 64, amount))
              : Lanes.words(
                  d.word(0), d.word(1), x -> highestBit(type, type.isSigned() ? x : x & 0xFFFF_FFFFL, 32, amount));
    };
  }

  private interface ToInt {
    int of(long x);
  }

  private static Operation narrowing(int r, int a, ToInt f) {
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[r + l] = f.of(w.longs[a + l]);
        }
      }
    };
  }

  /** Position of the highest bit that differs from the sign, or all ones. */
  private static int highestBit(Type type, long x, int bits, boolean amount) {
    long positive = type.isSigned() && x < 0 ? ~x : x;
    int found = 63 - Long.numberOfLeadingZeros(positive);
    return found < 0 ? -1 : amount ? bits - 1 - found : found;
  }

  private static Operation bits(Decoder d, Opcode op) {
    return switch (op.base) {
      case "shf" -> funnel(d, op);
      case "lop3" -> {
        Type type = op.type();
        d.requireOperands(5);
        if (type.bits() != 32 || !(d.operand(4) instanceof Operand.Immediate table)) {
          throw op.unknown();
        }
        int entries = (int) table.value();
        yield Lanes.words(d.word(0), d.word(1), d.word(2), d.word(3), (x, y, z) -> lookUp(x, y, z, entries));
      }
      case "prmt" -> permute(d, op);
      case "bfe" -> extract(d, op);
      case "bfi" -> insert(d, op);
      case "sad" -> {
        Type type = op.type();
        d.requireOperands(4);
        if (type.bits() != 32) {
          throw op.unknown();
        }
        boolean signed = type.isSigned();
        yield Lanes.words(
            d.word(0),
            d.word(1),
            d.word(2),
            d.word(3),
            (x, y, z) -> z + ((signed ? x < y : Integer.compareUnsigned(x, y) < 0) ? y - x : x - y));
      }
      case "dp4a" -> {
        boolean firstSigned = op.type().isSigned();
        boolean secondSigned = op.type().isSigned();
        d.requireOperands(4);
        yield Lanes.words(
            d.word(0), d.word(1), d.word(2), d.word(3), (x, y, z) -> z + dot(x, firstSigned, y, secondSigned));
      }
      default -> throw op.unknown();
    };
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

  private static int lookUp(int x, int y, int z, int table) {
    int result = 0;
    for (int i = 0; i < 8; i++) {
      if ((table >>> i & 1) != 0) {
        result |= ((i & 4) != 0 ? x : ~x) & ((i & 2) != 0 ? y : ~y) & ((i & 1) != 0 ? z : ~z);
      }
    }
    return result;
  }

  private static Operation funnel(Decoder d, Opcode op) {
    boolean left = op.required("l", "r").equals("l");
    boolean wrap = op.required("wrap", "clamp").equals("wrap");
    if (op.type().bits() != 32) {
      throw op.unknown();
    }
    d.requireOperands(4);
    return Lanes.words(
        d.word(0),
        d.word(1),
        d.word(2),
        d.word(3),
        (low, high, by) -> {
          int distance = wrap ? by & 31 : Integer.compareUnsigned(by, 32) > 0 ? 32 : by;
          long both = (long) high << 32 | low & 0xFFFF_FFFFL;
          return left ? (int) ((both << distance) >>> 32) : (int) (both >>> distance);
        });
  }

  private static Operation permute(Decoder d, Opcode op) {
    if (op.type().bits() != 32) {
      throw op.unknown();
    }
    String mode = op.oneOf("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
    if (mode != null) {
      throw op.unknown();
    }
    d.requireOperands(4);
    return Lanes.words(
        d.word(0),
        d.word(1),
        d.word(2),
        d.word(3),
        (x, y, selectors) -> {
          long both = (long) y << 32 | x & 0xFFFF_FFFFL;
          int result = 0;
          for (int i = 0; i < 4; i++) {
            int selector = selectors >>> (4 * i) & 15;
            int chosen = (int) (both >>> (8 * (selector & 7))) & 0xFF;
            if ((selector & 8) != 0) {
              chosen = (chosen & 0x80) != 0 ? 0xFF : 0;
            }
            result |= chosen << (8 * i);
          }
          return result;
        });
  }

  private static Operation extract(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(4);
    boolean signed = type.isSigned();
    int start = d.word(2);
    int length = d.word(3);
    boolean wide = type.bits() == 64;
    if (!wide && type.bits() != 32) {
      throw op.unknown();
    }
    int r = d.base(0, type.bits());
    int a = d.base(1, type.bits());
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          int from = w.words[start + l] & 0xFF;
          int count = w.words[length + l] & 0xFF;
          long x = wide ? w.longs[a + l] : signed ? w.words[a + l] : w.words[a + l] & 0xFFFF_FFFFL;
          int width = wide ? 64 : 32;
          long value;
          if (count == 0) {
            value = 0;
          } else if (signed) {
            // Beyond the end the sign goes on.
            int last = Math.min(from + count - 1, width - 1);
            long shifted = from > width - 1 ? x >> 63 : x >> from;
            int bits = from > width - 1 ? 1 : last - from + 1;
            value = shifted << (64 - bits) >> (64 - bits);
          } else {
            long shifted = from > width - 1 ? 0 : x >>> from;
            value = count >= 64 ? shifted : shifted & ((1L << count) - 1);
          }
          write(w, type.bits(), r, l, value);
        }
      }
    };
  }

  private static Operation insert(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(5);
    int start = d.word(3);
    int length = d.word(4);
    boolean wide = type.bits() == 64;
    if (!wide && type.bits() != 32) {
      throw op.unknown();
    }
    int r = d.base(0, type.bits());
    int a = d.base(1, type.bits());
    int b = d.base(2, type.bits());
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          int from = w.words[start + l] & 0xFF;
          int count = w.words[length + l] & 0xFF;
          long ones = count >= 64 ? -1 : (1L << count) - 1;
          long mask = from > 63 ? 0 : ones << from;
          long x = wide ? w.longs[a + l] : w.words[a + l];
          long y = wide ? w.longs[b + l] : w.words[b + l];
          write(w, type.bits(), r, l, (y & ~mask) | (from > 63 ? 0 : (x << from) & mask));
        }
      }
    };
  }
}
