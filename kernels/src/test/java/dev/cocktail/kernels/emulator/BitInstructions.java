package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;

/** Logic, shifts, and what counts, picks and places bits. */
final class BitInstructions {
  private BitInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    return switch (op.base) {
      case "and", "or", "xor", "not", "cnot" -> logic(d, op);
      case "lop3" -> lookUpTable(d, op);
      case "shl", "shr" -> shift(d, op);
      case "shf" -> funnel(d, op);
      case "popc", "clz", "brev", "bfind" -> count(d, op);
      case "prmt" -> permute(d, op);
      case "bfe" -> extract(d, op);
      case "bfi" -> insert(d, op);
      default -> throw op.unknown();
    };
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
        case "and" -> IntegerInstructions.wide(d, (x, y) -> x & y);
        case "or" -> IntegerInstructions.wide(d, (x, y) -> x | y);
        case "xor" -> IntegerInstructions.wide(d, (x, y) -> x ^ y);
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
      case "or" -> IntegerInstructions.narrow(d, type, (x, y) -> x | y);
      case "xor" -> IntegerInstructions.narrow(d, type, (x, y) -> x ^ y);
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

  private static Operation lookUpTable(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(5);
    if (type.bits() != 32 || !(d.operand(4) instanceof Operand.Immediate table)) {
      throw op.unknown();
    }
    int entries = (int) table.value();
    return Lanes.words(d.word(0), d.word(1), d.word(2), d.word(3), (x, y, z) -> lookUp(x, y, z, entries));
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

  /** Shifts; a distance of the width or more shifts everything out. */
  private static Operation shift(Decoder d, Opcode op) {
    Type type = op.type();
    IntegerInstructions.requireInteger(op, type);
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

  private static Operation count(Decoder d, Opcode op) {
    boolean amount = op.base.equals("bfind") && op.has("shiftamt");
    Type type = op.type();
    d.requireOperands(2);
    if (!type.isInteger() || type.bits() < 32) {
      throw op.unknown();
    }
    boolean wide = type.bits() == 64;
    return switch (op.base) {
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
          IntegerInstructions.write(w, type.bits(), r, l, value);
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
          IntegerInstructions.write(w, type.bits(), r, l, (y & ~mask) | (from > 63 ? 0 : (x << from) & mask));
        }
      }
    };
  }
}
