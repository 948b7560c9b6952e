package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;
import java.util.function.IntBinaryOperator;

/** Exchanges between the lanes of a warp. */
final class WarpInstructions {
  private WarpInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    if (op.base.equals("activemask")) {
      op.required("b32");
      int r = d.word(0);
      return (w, lanes) -> {
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          w.words[r + Integer.numberOfTrailingZeros(rest)] = lanes;
        }
      };
    }
    op.required("sync");
    return switch (op.base) {
      case "shfl" -> shuffle(d, op);
      case "vote" -> vote(d, op);
      case "match" -> match(d, op);
      default -> reduce(d, op);
    };
  }

  private static Operation shuffle(Decoder d, Opcode op) {
    String mode = op.required("up", "down", "bfly", "idx");
    op.required("b32");
    d.requireOperands(5);
    Operand result = d.operand(0);
    int r = d.word(result instanceof Operand.Pair pair ? pair.first() : result);
    int inRange = result instanceof Operand.Pair pair ? d.resultPredicate(pair.second()) : -1;
    int a = d.word(1);
    int b = d.word(2);
    int c = d.word(3);
    d.rendezvous(d.word(4));
    return (w, lanes) -> {
      int[] words = w.words;
      int[] old = w.exchange;
      System.arraycopy(words, a, old, 0, 32);
      int predicates = 0;
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        int by = words[b + l] & 31;
        int clamp = words[c + l] & 31;
        int segment = words[c + l] >>> 8 & 31;
        int most = (l & segment) | (clamp & ~segment);
        int from =
            switch (mode) {
              case "up" -> l - by;
              case "down" -> l + by;
              case "bfly" -> l ^ by;
              default -> (l & segment) | (by & ~segment);
            };
        boolean fits = mode.equals("up") ? from >= most : from <= most;
        int source = fits ? from : l;
        if ((lanes >>> source & 1) == 0) {
          throw w.fault(l, "takes a value from lane " + source + ", which does not take part");
        }
        predicates |= fits ? 1 << l : 0;
        words[r + l] = old[source];
      }
      if (inRange >= 0) {
        Lanes.set(w, inRange, lanes, predicates);
      }
    };
  }

  private static Operation vote(Decoder d, Opcode op) {
    String mode = op.required("all", "any", "uni", "ballot");
    Type type = op.type();
    d.requireOperands(3);
    Decoder.Predicate a = d.predicate(1);
    d.rendezvous(d.word(2));
    if (mode.equals("ballot")) {
      if (type.bits() != 32) {
        throw op.unknown();
      }
      int r = d.word(0);
      return (w, lanes) -> {
        int ballot = (w.predicates[a.slot()] ^ a.flip()) & lanes;
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          w.words[r + Integer.numberOfTrailingZeros(rest)] = ballot;
        }
      };
    }
    if (type.kind() != 'p') {
      throw op.unknown();
    }
    int r = d.resultPredicate(d.operand(0));
    return (w, lanes) -> {
      int yes = (w.predicates[a.slot()] ^ a.flip()) & lanes;
      boolean result =
          switch (mode) {
            case "all" -> yes == lanes;
            case "any" -> yes != 0;
            default -> yes == lanes || yes == 0;
          };
      Lanes.set(w, r, lanes, result ? -1 : 0);
    };
  }

  private static Operation match(Decoder d, Opcode op) {
    boolean all = op.required("any", "all").equals("all");
    Type type = op.type();
    d.requireOperands(3);
    Operand result = d.operand(0);
    int r = d.word(result instanceof Operand.Pair pair ? pair.first() : result);
    int agreed = result instanceof Operand.Pair pair ? d.resultPredicate(pair.second()) : -1;
    if (agreed >= 0 && !all) {
      throw op.unknown();
    }
    boolean wide = type.bits() == 64;
    int a = d.base(1, type.bits());
    d.rendezvous(d.word(2));
    return (w, lanes) -> {
      boolean same = true;
      int[] found = w.exchange;
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) == 0) {
          continue;
        }
        int equal = 0;
        for (int other = 0; other < 32; other++) {
          boolean matches = wide ? w.longs[a + l] == w.longs[a + other] : w.words[a + l] == w.words[a + other];
          equal |= matches ? lanes & 1 << other : 0;
        }
        found[l] = equal;
        same &= equal == lanes;
      }
      for (int l = 0; l < 32; l++) {
        if ((lanes >>> l & 1) != 0) {
          w.words[r + l] = !all ? found[l] : same ? lanes : 0;
        }
      }
      if (agreed >= 0) {
        Lanes.set(w, agreed, lanes, same ? -1 : 0);
      }
    };
  }

  private static Operation reduce(Decoder d, Opcode op) {
    String what = op.required("add", "min", "max", "and", "or", "xor");
    Type type = op.type();
    if (type.bits() != 32) {
      throw op.unknown();
    }
    d.requireOperands(3);
    int r = d.word(0);
    int a = d.word(1);
    d.rendezvous(d.word(2));
    boolean signed = type.isSigned();
    IntBinaryOperator f =
        switch (what) {
          case "add" -> Integer::sum;
          case "min" -> (x, y) -> signed ? Math.min(x, y) : Integer.compareUnsigned(x, y) < 0 ? x : y;
          case "max" -> (x, y) -> signed ? Math.max(x, y) : Integer.compareUnsigned(x, y) > 0 ? x : y;
          case "and" -> (x, y) -> x & y;
          case "or" -> (x, y) -> x | y;
          default -> (x, y) -> x ^ y;
        };
    return (w, lanes) -> {
      int first = Integer.numberOfTrailingZeros(lanes);
      int total = w.words[a + first];
      for (int rest = lanes & (lanes - 1); rest != 0; rest &= rest - 1) {
        total = f.applyAsInt(total, w.words[a + Integer.numberOfTrailingZeros(rest)]);
      }
      for (int rest = lanes; rest != 0; rest &= rest - 1) {
        w.words[r + Integer.numberOfTrailingZeros(rest)] = total;
      }
    };
  }
}
