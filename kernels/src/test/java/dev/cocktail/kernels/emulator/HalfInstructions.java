package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Opcode.Type;

/** Arithmetic on numbers of 16 bits, IEEE halves and bfloat16, one or two in a register. */
final class HalfInstructions {
  private HalfInstructions() {}

  private interface Function {
    double of(double x, double y, double z);
  }

  static Operation decode(Decoder d, Opcode op) {
    boolean flush = op.has("ftz");
    boolean saturate = op.has("sat");
    boolean relu = op.has("relu");
    boolean nan = op.has("NaN");
    op.has("rn");
    Type type = op.type();
    if (type.bits() != 16 || type.isInteger()) {
      throw op.unknown();
    }
    if (flush && type.kind() == 'h'
        || nan && !op.base.equals("min") && !op.base.equals("max")
        || relu && !op.base.equals("fma")
        || saturate && !op.base.matches("add|sub|mul|fma")) {
      throw op.unknown();
    }
    Function function =
        switch (op.base) {
          case "add" -> (x, y, z) -> x + y;
          case "sub" -> (x, y, z) -> x - y;
          case "mul" -> (x, y, z) -> x * y;
          // Exact products; what the sum loses is kept in its last bit.
          case "fma" -> (x, y, z) -> Rounding.odd(x * y + z, Rounding.lostInSum(x * y, z, x * y + z));
          case "min" -> (x, y, z) -> FloatInstructions.extreme((float) x, (float) y, nan, true);
          case "max" -> (x, y, z) -> FloatInstructions.extreme((float) x, (float) y, nan, false);
          case "abs" -> (x, y, z) -> Math.abs(x);
          case "neg" -> (x, y, z) -> -x;
          default -> throw op.unknown();
        };
    int count = op.base.equals("fma") ? 3 : op.base.equals("abs") || op.base.equals("neg") ? 1 : 2;
    d.requireOperands(count + 1);
    int a = d.half(1);
    int b = count > 1 ? d.half(2) : a;
    int c = count > 2 ? d.half(3) : a;
    return operation(
        type,
        d.half(0),
        a,
        b,
        c,
        (x, y, z) -> {
          double value = function.of(x, y, z);
          if (saturate) {
            value = Rounding.saturate(value);
          }
          return relu && value < 0 ? 0 : value;
        },
        flush);
  }

  static Operation approximate(Decoder d, Opcode op, Type type, boolean approximate) {
    if (!approximate) {
      throw op.unknown();
    }
    d.requireOperands(2);
    Function function =
        switch (op.base) {
          case "ex2" -> (x, y, z) -> Math.pow(2, x);
          case "tanh" -> (x, y, z) -> Math.tanh(x);
          default -> throw op.unknown();
        };
    int a = d.half(1);
    return operation(type, d.half(0), a, a, a, function, false);
  }

  private static Operation operation(Type type, int r, int a, int b, int c, Function f, boolean flush) {
    boolean brain = type.kind() == 'h';
    return Lanes.words(
        r,
        a,
        b,
        c,
        (x, y, z) -> {
          int low = one(x & 0xFFFF, y & 0xFFFF, z & 0xFFFF, brain, f, flush);
          return type.pair() ? low | one(x >>> 16, y >>> 16, z >>> 16, brain, f, flush) << 16 : low;
        });
  }

  private static int one(int x, int y, int z, boolean brain, Function f, boolean flush) {
    int result = Rounding.narrow(f.of(read(x, brain, flush), read(y, brain, flush), read(z, brain, flush)), brain);
    return flush && (result & 0x7C00) == 0 ? result & 0x8000 : result;
  }

  private static double read(int bits, boolean brain, boolean flush) {
    return Rounding.widen(flush && (bits & 0x7C00) == 0 ? bits & 0x8000 : bits, brain);
  }
}
