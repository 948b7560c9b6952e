package dev.cocktail.kernels.emulator;

import java.util.List;

/** Integer arithmetic, logic, shifts, comparisons of integers, selection, and operations on predicates. */
final class IntegerDecoder {
  private final Operands operands;

  IntegerDecoder(Operands operands) {
    this.operands = operands;
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    List<String> o = s.operands();
    if (s.opcode().endsWith(".pred")) {
      return predicates(s);
    }
    return switch (s.opcode()) {
      case "mov.u16",
          "mov.b16",
          "mov.u32",
          "mov.s32",
          "mov.b32",
          "mov.f32",
          "mov.u64",
          "mov.s64",
          "mov.b64",
          "mov.f64" ->
          move(s);
      case "add.s32", "add.u32" -> HotInstructions.add32(slot(o, 0), slot(o, 1), slot(o, 2));
      case "add.s64", "add.u64" -> HotInstructions.add64(slot(o, 0), slot(o, 1), slot(o, 2));
      case "add.s16", "add.u16" -> lane(o, (a, b, c) -> (a + b) & 0xFFFF);
      case "sub.s16", "sub.u16" -> lane(o, (a, b, c) -> (a - b) & 0xFFFF);
      case "sub.s32", "sub.u32" -> lane(o, (a, b, c) -> (int) a - (int) b);
      case "sub.s64", "sub.u64" -> lane(o, (a, b, c) -> a - b);
      case "mul.lo.s16", "mul.lo.u16" -> lane(o, (a, b, c) -> (a * b) & 0xFFFF);
      case "mul.lo.s32", "mul.lo.u32" -> lane(o, (a, b, c) -> (int) a * (int) b);
      case "mul.lo.s64", "mul.lo.u64" -> lane(o, (a, b, c) -> a * b);
      case "mul.hi.s32" -> lane(o, (a, b, c) -> (long) (int) a * (int) b >> 32);
      case "mul.hi.u32" -> lane(o, (a, b, c) -> (int) ((a & U32) * (b & U32) >>> 32));
      case "mul.hi.s64" -> lane(o, (a, b, c) -> Math.multiplyHigh(a, b));
      case "mul.hi.u64" -> lane(o, (a, b, c) -> Math.unsignedMultiplyHigh(a, b));
      case "mul.wide.s32" -> lane(o, (a, b, c) -> (long) (int) a * (int) b);
      case "mul.wide.u32" -> lane(o, (a, b, c) -> (a & U32) * (b & U32));
      case "mul.wide.s16" -> lane(o, (a, b, c) -> (short) a * (short) b);
      case "mul.wide.u16" -> lane(o, (a, b, c) -> (int) ((a & 0xFFFF) * (b & 0xFFFF)));
      case "mad.lo.s32", "mad.lo.u32" -> lane(o, (a, b, c) -> (int) a * (int) b + (int) c);
      case "mad.lo.s64", "mad.lo.u64" -> lane(o, (a, b, c) -> a * b + c);
      case "mad.wide.s32" -> lane(o, (a, b, c) -> (long) (int) a * (int) b + c);
      case "mad.wide.u32" -> lane(o, (a, b, c) -> (a & U32) * (b & U32) + c);
      case "mad.hi.u32" -> lane(o, (a, b, c) -> (int) ((a & U32) * (b & U32) >>> 32) + (int) c);
      case "div.s32" -> lane(o, (a, b, c) -> (int) b == 0 ? -1 : (int) a / (int) b);
      case "div.u32" -> lane(o, (a, b, c) -> (int) b == 0 ? -1 : Integer.divideUnsigned((int) a, (int) b));
      case "div.s64" -> lane(o, (a, b, c) -> b == 0 ? -1 : a / b);
      case "div.u64" -> lane(o, (a, b, c) -> b == 0 ? -1 : Long.divideUnsigned(a, b));
      case "rem.s32" -> lane(o, (a, b, c) -> (int) b == 0 ? (int) a : (int) a % (int) b);
      case "rem.u32" -> lane(o, (a, b, c) -> (int) b == 0 ? (int) a : Integer.remainderUnsigned((int) a, (int) b));
      case "rem.s64" -> lane(o, (a, b, c) -> b == 0 ? a : a % b);
      case "rem.u64" -> lane(o, (a, b, c) -> b == 0 ? a : Long.remainderUnsigned(a, b));
      case "neg.s32" -> lane(o, (a, b, c) -> -(int) a);
      case "neg.s64" -> lane(o, (a, b, c) -> -a);
      case "abs.s32" -> lane(o, (a, b, c) -> Math.abs((int) a));
      case "abs.s64" -> lane(o, (a, b, c) -> Math.abs(a));
      case "min.s32" -> lane(o, (a, b, c) -> Math.min((int) a, (int) b));
      case "max.s32" -> lane(o, (a, b, c) -> Math.max((int) a, (int) b));
      case "min.u32" -> lane(o, (a, b, c) -> (int) Math.min(a & U32, b & U32));
      case "max.u32" -> lane(o, (a, b, c) -> (int) Math.max(a & U32, b & U32));
      case "min.s64" -> lane(o, (a, b, c) -> Math.min(a, b));
      case "max.s64" -> lane(o, (a, b, c) -> Math.max(a, b));
      case "min.u64" -> lane(o, (a, b, c) -> Long.compareUnsigned(a, b) < 0 ? a : b);
      case "max.u64" -> lane(o, (a, b, c) -> Long.compareUnsigned(a, b) > 0 ? a : b);
      case "and.b16", "and.b32", "and.b64" -> lane(o, (a, b, c) -> a & b);
      case "or.b16", "or.b32", "or.b64" -> lane(o, (a, b, c) -> a | b);
      case "xor.b16", "xor.b32", "xor.b64" -> lane(o, (a, b, c) -> a ^ b);
      case "not.b16" -> lane(o, (a, b, c) -> ~a & 0xFFFF);
      case "not.b32", "not.b64" -> lane(o, (a, b, c) -> ~a);
      case "shl.b16" -> lane(o, (a, b, c) -> (b & U32) > 15 ? 0 : a << b & 0xFFFF);
      case "shl.b32" -> lane(o, (a, b, c) -> (b & U32) > 31 ? 0 : (int) a << (int) b);
      case "shl.b64" -> lane(o, (a, b, c) -> (b & U32) > 63 ? 0 : a << b);
      case "shr.u16", "shr.b16" -> lane(o, (a, b, c) -> (b & U32) > 15 ? 0 : (a & 0xFFFF) >>> b);
      case "shr.s16" -> lane(o, (a, b, c) -> (short) a >> Math.min(b & U32, 15) & 0xFFFF);
      case "shr.u32", "shr.b32" -> lane(o, (a, b, c) -> (b & U32) > 31 ? 0 : (int) a >>> (int) b);
      case "shr.s32" -> lane(o, (a, b, c) -> (int) a >> Math.min(b & U32, 31));
      case "shr.u64", "shr.b64" -> lane(o, (a, b, c) -> (b & U32) > 63 ? 0 : a >>> b);
      case "shr.s64" -> lane(o, (a, b, c) -> a >> Math.min(b & U32, 63));
      case "shf.l.wrap.b32" -> lane(o, (a, b, c) -> (int) ((b << 32 | (a & U32)) << (c & 31) >>> 32));
      case "shf.r.wrap.b32" -> lane(o, (a, b, c) -> (int) ((b << 32 | (a & U32)) >>> (c & 31)));
      case "popc.b32" -> lane(o, (a, b, c) -> Integer.bitCount((int) a));
      case "popc.b64" -> lane(o, (a, b, c) -> Long.bitCount(a));
      case "clz.b32" -> lane(o, (a, b, c) -> Integer.numberOfLeadingZeros((int) a));
      case "clz.b64" -> lane(o, (a, b, c) -> Long.numberOfLeadingZeros(a));
      case "brev.b32" -> lane(o, (a, b, c) -> Integer.reverse((int) a));
      case "brev.b64" -> lane(o, (a, b, c) -> Long.reverse(a));
      case "bfe.u32" -> lane(o, (a, b, c) -> extract((int) a, (int) b & 255, (int) c & 255));
      case "prmt.b32" -> lane(o, IntegerDecoder::permute);
      case "bfi.b32" -> insert(o);
      case "lop3.b32" -> logic(o);
      default -> general(s);
    };
  }

  private static final long U32 = 0xFFFFFFFFL;

  private Instruction general(PtxStatement s) {
    return switch (s.parts()[0]) {
      case "setp" -> compare(s);
      case "selp" -> select(s);
      default -> null;
    };
  }

  private int slot(List<String> o, int index) {
    return operands.slot(o.get(index));
  }

  private Instruction lane(List<String> o, Instruction.Lane operation) {
    int a = slot(o, 1);
    int b = o.size() > 2 ? slot(o, 2) : a;
    return new LaneInstruction(slot(o, 0), a, b, o.size() > 3 ? slot(o, 3) : b, operation);
  }

  /** Moves, which also take registers apart and put them together. */
  private Instruction move(PtxStatement s) {
    List<String> o = s.operands();
    int width = 8 * PtxParser.bytes(s.parts()[1]);
    if (o.get(0).startsWith("{")) {
      int[] out = operands.vector(o.get(0));
      int in = slot(o, 1);
      int bits = width / out.length;
      return new Instruction() {
        @Override
        void run(Warp warp, int lanes) {
          for (int left = lanes; left != 0; left &= left - 1) {
            int lane = Integer.numberOfTrailingZeros(left);
            long value = warp.registers[in * Warp.LANES + lane];
            for (int i = 0; i < out.length; i++) {
              if (out[i] >= 0) {
                warp.registers[out[i] * Warp.LANES + lane] = canonical(value >>> (i * bits), bits);
              }
            }
          }
        }
      };
    }
    if (o.get(1).startsWith("{")) {
      int[] in = operands.vector(o.get(1));
      int out = slot(o, 0);
      int bits = width / in.length;
      return new Instruction() {
        @Override
        void run(Warp warp, int lanes) {
          for (int left = lanes; left != 0; left &= left - 1) {
            int lane = Integer.numberOfTrailingZeros(left);
            long value = 0;
            for (int i = 0; i < in.length; i++) {
              value |= (warp.registers[in[i] * Warp.LANES + lane] & (1L << bits) - 1) << (i * bits);
            }
            warp.registers[out * Warp.LANES + lane] = canonical(value, width);
          }
        }
      };
    }
    return HotInstructions.move(slot(o, 0), slot(o, 1));
  }

  /** How a register of so many bits is kept: 16 bits without a sign, 32 bits with one. */
  static long canonical(long value, int bits) {
    return switch (bits) {
      case 8 -> value & 0xFF;
      case 16 -> value & 0xFFFF;
      case 32 -> (int) value;
      default -> value;
    };
  }

  private static long extract(int value, int position, int length) {
    if (position > 31 || length == 0) {
      return 0;
    }
    int shifted = value >>> position;
    return length > 31 ? shifted : shifted & (1 << length) - 1;
  }

  private Instruction insert(List<String> o) {
    int out = slot(o, 0);
    int a = slot(o, 1) * Warp.LANES;
    int b = slot(o, 2) * Warp.LANES;
    int position = slot(o, 3) * Warp.LANES;
    int length = slot(o, 4) * Warp.LANES;
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        long[] r = warp.registers;
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          int at = (int) r[position + lane] & 255;
          int count = (int) r[length + lane] & 255;
          int mask = count > 31 ? -1 : (1 << count) - 1;
          mask = at > 31 ? 0 : mask << at;
          int moved = at > 31 ? 0 : (int) r[a + lane] << at;
          r[out * Warp.LANES + lane] = (moved & mask) | ((int) r[b + lane] & ~mask);
        }
      }
    };
  }

  private static long permute(long a, long b, long selector) {
    long bytes = (b & U32) << 32 | (a & U32);
    int result = 0;
    for (int i = 0; i < 4; i++) {
      int choice = (int) (selector >>> (4 * i)) & 15;
      int value = (int) (bytes >>> (8 * (choice & 7))) & 255;
      if ((choice & 8) != 0) {
        value = (value & 128) != 0 ? 255 : 0;
      }
      result |= value << (8 * i);
    }
    return result;
  }

  private Instruction logic(List<String> o) {
    int table = Integer.decode(o.get(4));
    return new LaneInstruction(
        slot(o, 0),
        slot(o, 1),
        slot(o, 2),
        slot(o, 3),
        (a, b, c) -> {
          int result = 0;
          for (int row = 0; row < 8; row++) {
            if ((table >> row & 1) != 0) {
              long x = (row & 4) != 0 ? a : ~a;
              long y = (row & 2) != 0 ? b : ~b;
              long z = (row & 1) != 0 ? c : ~c;
              result |= (int) (x & y & z);
            }
          }
          return result;
        });
  }

  // Comparisons

  private Instruction compare(PtxStatement s) {
    String[] parts = s.parts();
    String type = parts[parts.length - 1];
    boolean combined = parts.length > 3 && List.of("and", "or", "xor").contains(parts[2]);
    if (parts.length != (combined ? 4 : 3)) {
      return null;
    }
    Instruction.Question question = FloatDecoder.comparison(parts[1], type);
    question = question != null ? question : comparison(parts[1], type);
    if (question == null) {
      return null;
    }
    List<String> o = s.operands();
    boolean two = operands.isPredicate(o.get(1));
    int first = two ? 2 : 1;
    int out = operands.predicate(o.get(0));
    int opposite = two ? operands.predicate(o.get(1)) : -1;
    int a = slot(o, first) * Warp.LANES;
    int b = slot(o, first + 1) * Warp.LANES;
    String other = combined ? o.get(first + 2) : null;
    boolean negated = combined && other.startsWith("!");
    int with = combined ? operands.predicate(negated ? other.substring(1) : other) : -1;
    Instruction.Question asked = question;
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        long[] r = warp.registers;
        int found = 0;
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          if (asked.test(r[a + lane], r[b + lane])) {
            found |= 1 << lane;
          }
        }
        int result = found;
        int inverse = ~found;
        if (with >= 0) {
          int partner = negated ? ~warp.predicates[with] : warp.predicates[with];
          result = combine(parts[2], result, partner);
          inverse = combine(parts[2], inverse, partner);
        }
        warp.predicates[out] = warp.predicates[out] & ~lanes | result & lanes;
        if (opposite >= 0) {
          warp.predicates[opposite] = warp.predicates[opposite] & ~lanes | inverse & lanes;
        }
      }
    };
  }

  private static int combine(String how, int a, int b) {
    return switch (how) {
      case "and" -> a & b;
      case "or" -> a | b;
      default -> a ^ b;
    };
  }

  private static Instruction.Question comparison(String relation, String type) {
    int bits = 8 * PtxParser.bytes(type);
    boolean signed = type.startsWith("s");
    return switch (relation) {
      case "eq" -> (a, b) -> canonical(a, bits) == canonical(b, bits);
      case "ne" -> (a, b) -> canonical(a, bits) != canonical(b, bits);
      case "lt", "lo" -> (a, b) -> order(a, b, bits, signed) < 0;
      case "le", "ls" -> (a, b) -> order(a, b, bits, signed) <= 0;
      case "gt", "hi" -> (a, b) -> order(a, b, bits, signed) > 0;
      case "ge", "hs" -> (a, b) -> order(a, b, bits, signed) >= 0;
      default -> null;
    };
  }

  private static int order(long a, long b, int bits, boolean signed) {
    if (bits == 16) {
      return signed ? Short.compare((short) a, (short) b) : Long.compare(a & 0xFFFF, b & 0xFFFF);
    }
    if (bits == 32) {
      return signed ? Integer.compare((int) a, (int) b) : Integer.compareUnsigned((int) a, (int) b);
    }
    return signed ? Long.compare(a, b) : Long.compareUnsigned(a, b);
  }

  private Instruction select(PtxStatement s) {
    List<String> o = s.operands();
    int out = slot(o, 0) * Warp.LANES;
    int a = slot(o, 1) * Warp.LANES;
    int b = slot(o, 2) * Warp.LANES;
    int by = operands.predicate(o.get(3));
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        long[] r = warp.registers;
        int predicate = warp.predicates[by];
        for (int left = lanes; left != 0; left &= left - 1) {
          int lane = Integer.numberOfTrailingZeros(left);
          r[out + lane] = (predicate >> lane & 1) != 0 ? r[a + lane] : r[b + lane];
        }
      }
    };
  }

  // Predicates

  private Instruction predicates(PtxStatement s) {
    List<String> o = s.operands();
    if (!operands.isPredicate(o.get(0)) || s.parts().length != 2) {
      return null;
    }
    int out = operands.predicate(o.get(0));
    String operation = s.parts()[0];
    if (operation.equals("mov") && !operands.isPredicate(o.get(1))) {
      int value = Integer.decode(o.get(1)) != 0 ? -1 : 0;
      return ofPredicates(out, -1, -1, (a, b, c) -> value);
    }
    int a = operands.predicate(o.get(1));
    int b = o.size() > 2 ? operands.predicate(o.get(2)) : a;
    return switch (operation) {
      case "mov" -> ofPredicates(out, a, b, (x, y, z) -> x);
      case "and" -> ofPredicates(out, a, b, (x, y, z) -> x & y);
      case "or" -> ofPredicates(out, a, b, (x, y, z) -> x | y);
      case "xor" -> ofPredicates(out, a, b, (x, y, z) -> x ^ y);
      case "not" -> ofPredicates(out, a, b, (x, y, z) -> ~x);
      default -> null;
    };
  }

  private static Instruction ofPredicates(int out, int a, int b, Instruction.Lane operation) {
    return new Instruction() {
      @Override
      void run(Warp warp, int lanes) {
        int[] p = warp.predicates;
        int result = (int) operation.apply(a < 0 ? 0 : p[a], b < 0 ? 0 : p[b], 0);
        p[out] = p[out] & ~lanes | result & lanes;
      }
    };
  }
}
