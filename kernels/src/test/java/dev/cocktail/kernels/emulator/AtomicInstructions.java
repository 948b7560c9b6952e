package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Decoder.AddressOperand;
import dev.cocktail.kernels.emulator.Opcode.Type;
import java.util.function.LongBinaryOperator;

/** Reads, changes and writes of memory that nothing comes between. */
final class AtomicInstructions {
  private AtomicInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    boolean wanted = op.base.equals("atom");
    op.ignore("relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys", "noftz");
    int space = MemoryInstructions.space(op);
    String what = op.required("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec");
    Type type = op.type();
    boolean compares = what.equals("cas");
    int first = wanted ? 1 : 0;
    d.requireOperands(first + (compares ? 3 : 2));
    if (!wanted && (compares || what.equals("exch"))) {
      throw op.unknown();
    }
    int bits = type.registerBits();
    int bytes = type.bytes();
    boolean wide = bits == 64;
    int r = wanted ? d.base(0, bits) : -1;
    AddressOperand address = d.address(first);
    int b = d.base(first + 1, bits);
    int c = compares ? d.base(first + 2, bits) : b;
    LongBinaryOperator change = compares ? null : change(op, what, type);
    long mask = wide ? -1 : (1L << bits) - 1;
    if (MemoryInstructions.maybeShared(space)) {
      d.sharedAccess(bytes);
    }
    return (w, lanes) -> {
      synchronized (w.block.global.atomics) {
        for (int l = 0; l < 32; l++) {
          if ((lanes >>> l & 1) == 0) {
            continue;
          }
          long at = address.of(w, l);
          w.requireAligned(l, at, bytes);
          int actual = MemoryInstructions.isGeneric(space) ? MemoryInstructions.spaceOf(at) : space;
          if (MemoryInstructions.isGeneric(space)) {
            at -= MemoryInstructions.windowOf(actual);
          }
          boolean shared = MemoryInstructions.isShared(actual);
          long old = shared ? w.block.shared.loadAtomic(w, l, at, bytes) : w.block.global.load(w, l, at, bytes);
          long x = (wide ? w.longs[b + l] : w.words[b + l]) & mask;
          long y = (wide ? w.longs[c + l] : w.words[c + l]) & mask;
          long value = compares ? (old == x ? y : old) : change.applyAsLong(old, x) & mask;
          if (shared) {
            w.block.shared.storeAtomic(w, l, at, bytes, value);
          } else {
            w.block.global.store(w, l, at, bytes, value);
          }
          if (r >= 0) {
            if (wide) {
              w.longs[r + l] = old;
            } else {
              w.words[r + l] = (int) old;
            }
          }
        }
      }
    };
  }

  private static long signed(Type type, long value) {
    return type.bits() == 32 ? (int) value : value;
  }

  private static LongBinaryOperator change(Opcode op, String what, Type type) {
    if (!type.isInteger()) {
      if (!what.equals("add")) {
        throw op.unknown();
      }
      return sum(type);
    }
    boolean signed = type.isSigned();
    return switch (what) {
      case "add" -> Long::sum;
      case "and" -> (x, y) -> x & y;
      case "or" -> (x, y) -> x | y;
      case "xor" -> (x, y) -> x ^ y;
      case "exch" -> (x, y) -> y;
      case "min" ->
          (x, y) -> signed ? Math.min(signed(type, x), signed(type, y)) : Long.compareUnsigned(x, y) < 0 ? x : y;
      case "max" ->
          (x, y) -> signed ? Math.max(signed(type, x), signed(type, y)) : Long.compareUnsigned(x, y) > 0 ? x : y;
      case "inc" -> (x, y) -> Long.compareUnsigned(x, y) >= 0 ? 0 : x + 1;
      case "dec" -> (x, y) -> x == 0 || Long.compareUnsigned(x, y) > 0 ? y : x - 1;
      default -> throw op.unknown();
    };
  }

  private static LongBinaryOperator sum(Type type) {
    if (type.isFloat(64)) {
      return (x, y) -> Double.doubleToRawLongBits(Double.longBitsToDouble(x) + Double.longBitsToDouble(y));
    }
    if (type.isFloat(32)) {
      return (x, y) -> Lanes.bits(Lanes.f((int) x) + Lanes.f((int) y));
    }
    boolean brain = type.kind() == 'h';
    return (x, y) -> {
      long low = halfSum((int) x & 0xFFFF, (int) y & 0xFFFF, brain);
      return type.pair() ? low | (long) halfSum((int) x >>> 16, (int) y >>> 16, brain) << 16 : low;
    };
  }

  private static int halfSum(int x, int y, boolean brain) {
    return Rounding.narrow((double) Rounding.widen(x, brain) + Rounding.widen(y, brain), brain);
  }
}
