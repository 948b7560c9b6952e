package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;

/** Comparisons, and choices by them. */
final class ComparisonInstructions {
  private static final String[] COMPARISONS = {
    "eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"
  };

  /** Lanes in which a comparison holds. */
  private interface Holds {
    int in(Warp warp);
  }

  private ComparisonInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    return switch (op.base) {
      case "setp" -> setPredicate(d, op);
      case "set" -> set(d, op);
      case "selp" -> select(d, op);
      default -> selectBySign(d, op);
    };
  }

  private static Operation setPredicate(Decoder d, Opcode op) {
    String comparison = op.required(COMPARISONS);
    String combination = op.oneOf("and", "or", "xor");
    boolean flush = op.has("ftz");
    Holds holds = holds(d, op, op.type(), comparison, flush);
    d.requireOperands(combination == null ? 3 : 4);
    boolean pair = d.operand(0) instanceof Operand.Pair;
    int first = d.resultPredicate(d.operand(0) instanceof Operand.Pair both ? both.first() : d.operand(0));
    if (combination == null && !pair) {
      return (w, lanes) -> Lanes.set(w, first, lanes, holds.in(w));
    }
    int second = d.operand(0) instanceof Operand.Pair both ? d.resultPredicate(both.second()) : -1;
    Decoder.Predicate other = combination == null ? null : d.predicate(3);
    return (w, lanes) -> {
      int value = holds.in(w);
      int with = other == null ? 0 : w.predicates[other.slot()] ^ other.flip();
      int opposite = combine(combination, ~value, with);
      Lanes.set(w, first, lanes, combine(combination, value, with));
      if (second >= 0) {
        Lanes.set(w, second, lanes, opposite);
      }
    };
  }

  private static int combine(String combination, int x, int y) {
    return switch (combination) {
      case null -> x;
      case "and" -> x & y;
      case "or" -> x | y;
      default -> x ^ y;
    };
  }

  private static Operation set(Decoder d, Opcode op) {
    String comparison = op.required(COMPARISONS);
    boolean flush = op.has("ftz");
    Type result = op.type();
    if (result.bits() != 32) {
      throw op.unknown();
    }
    Holds holds = holds(d, op, op.type(), comparison, flush);
    d.requireOperands(3);
    int r = d.word(0);
    int yes = result.kind() == 'f' ? Lanes.bits(1) : -1;
    return (w, lanes) -> {
      int values = holds.in(w);
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[r + l] = (values >>> l & 1) != 0 ? yes : 0;
        }
      }
    };
  }

  private static Holds holds(Decoder d, Opcode op, Type type, String comparison, boolean flush) {
    if (type.isInteger() && type.bits() >= 16) {
      if (flush) {
        throw op.unknown();
      }
      return integers(d, op, type, comparison);
    }
    if (flush && type.bits() != 32) {
      throw op.unknown();
    }
    return floats(d, op, type, comparison, flush);
  }

  /** What decides: whether a comparison holds for less, equal and greater. */
  private static int outcomes(Opcode op, String comparison) {
    return switch (comparison) {
      case "lt", "lo", "ltu" -> 1;
      case "eq", "equ" -> 2;
      case "le", "ls", "leu" -> 3;
      case "gt", "hi", "gtu" -> 4;
      case "ne", "neu" -> 5;
      case "ge", "hs", "geu" -> 6;
      case "num" -> 7;
      case "nan" -> 0;
      default -> throw op.unknown();
    };
  }

  private static Holds integers(Decoder d, Opcode op, Type type, String comparison) {
    boolean lowHigh = comparison.matches("lo|ls|hi|hs");
    if (comparison.length() > 2 || (lowHigh && type.kind() != 'u')) {
      throw op.unknown();
    }
    int outcomes = outcomes(op, comparison);
    boolean signed = type.isSigned();
    if (type.bits() == 64) {
      int a = d.wide(1);
      int b = d.wide(2);
      long flip = signed ? 0 : Long.MIN_VALUE;
      return w -> {
        int values = 0;
        for (int l = 0; l < 32; l++) {
          long x = w.longs[a + l] ^ flip;
          long y = w.longs[b + l] ^ flip;
          values |= (outcomes >>> (x < y ? 0 : x == y ? 1 : 2) & 1) << l;
        }
        return values;
      };
    }
    int a = type.bits() == 16 ? d.half(1) : d.word(1);
    int b = type.bits() == 16 ? d.half(2) : d.word(2);
    if (type.bits() == 16) {
      return w -> {
        int values = 0;
        for (int l = 0; l < 32; l++) {
          int x = signed ? (short) w.words[a + l] : w.words[a + l] & 0xFFFF;
          int y = signed ? (short) w.words[b + l] : w.words[b + l] & 0xFFFF;
          values |= (outcomes >>> (x < y ? 0 : x == y ? 1 : 2) & 1) << l;
        }
        return values;
      };
    }
    int flip = signed ? 0 : Integer.MIN_VALUE;
    return w -> {
      int[] words = w.words;
      int values = 0;
      for (int l = 0; l < 32; l++) {
        int x = words[a + l] ^ flip;
        int y = words[b + l] ^ flip;
        values |= (outcomes >>> (x < y ? 0 : x == y ? 1 : 2) & 1) << l;
      }
      return values;
    };
  }

  private static Holds floats(Decoder d, Opcode op, Type type, String comparison, boolean flush) {
    boolean unordered = comparison.endsWith("u") && comparison.length() == 3 || comparison.equals("nan");
    if (comparison.matches("lo|ls|hi|hs") || type.pair()) {
      throw op.unknown();
    }
    int outcomes = outcomes(op, comparison) | (unordered ? 8 : 0);
    if (type.isFloat(64)) {
      int a = d.wide(1);
      int b = d.wide(2);
      return w -> {
        int values = 0;
        for (int l = 0; l < 32; l++) {
          double x = Double.longBitsToDouble(w.longs[a + l]);
          double y = Double.longBitsToDouble(w.longs[b + l]);
          values |= (outcomes >>> (x < y ? 0 : x == y ? 1 : x > y ? 2 : 3) & 1) << l;
        }
        return values;
      };
    }
    boolean single = type.isFloat(32);
    boolean brain = type.kind() == 'h';
    int a = single ? d.word(1) : d.half(1);
    int b = single ? d.word(2) : d.half(2);
    return w -> {
      int values = 0;
      for (int l = 0; l < 32; l++) {
        float x = single ? Lanes.f(w.words[a + l]) : Rounding.widen(w.words[a + l], brain);
        float y = single ? Lanes.f(w.words[b + l]) : Rounding.widen(w.words[b + l], brain);
        if (flush) {
          x = Rounding.flush(x);
          y = Rounding.flush(y);
        }
        values |= (outcomes >>> (x < y ? 0 : x == y ? 1 : x > y ? 2 : 3) & 1) << l;
      }
      return values;
    };
  }

  private static Operation select(Decoder d, Opcode op) {
    Type type = op.type();
    d.requireOperands(4);
    Decoder.Predicate chooser = d.predicate(3);
    int r = d.base(0, type.bits());
    int a = type.bits() == 16 ? d.half(1) : d.base(1, type.bits());
    int b = type.bits() == 16 ? d.half(2) : d.base(2, type.bits());
    if (type.bits() == 64) {
      return (w, lanes) -> {
        int chosen = w.predicates[chooser.slot()] ^ chooser.flip();
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) != 0) {
            w.longs[r + l] = (chosen >>> l & 1) != 0 ? w.longs[a + l] : w.longs[b + l];
          }
        }
      };
    }
    return (w, lanes) -> {
      int chosen = w.predicates[chooser.slot()] ^ chooser.flip();
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[r + l] = (chosen >>> l & 1) != 0 ? w.words[a + l] : w.words[b + l];
        }
      }
    };
  }

  private static Operation selectBySign(Decoder d, Opcode op) {
    boolean flush = op.has("ftz");
    Type type = op.type();
    Type by = op.type();
    d.requireOperands(4);
    boolean isFloat = by.isFloat(32);
    if (!isFloat && !(by.kind() == 's' && by.bits() == 32) || flush && !isFloat) {
      throw op.unknown();
    }
    int r = d.base(0, type.bits());
    int a = d.base(1, type.bits());
    int b = d.base(2, type.bits());
    int c = d.word(3);
    boolean wide = type.bits() == 64;
    return (w, lanes) -> {
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        float x = isFloat ? Lanes.f(w.words[c + l]) : w.words[c + l];
        int from = (flush ? Rounding.flush(x) : x) >= 0 ? a : b;
        if (wide) {
          w.longs[r + l] = w.longs[from + l];
        } else {
          w.words[r + l] = w.words[from + l];
        }
      }
    };
  }
}
