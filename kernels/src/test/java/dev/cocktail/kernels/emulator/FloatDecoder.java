package dev.cocktail.kernels.emulator;

import java.util.List;

/** Arithmetic on floating-point numbers. Approximate functions are the exact ones, rounded. */
final class FloatDecoder {
  private final Operands operands;

  FloatDecoder(Operands operands) {
    this.operands = operands;
  }

  private static float f(long bits) {
    return Float.intBitsToFloat((int) bits);
  }

  private static double d(long bits) {
    return Double.longBitsToDouble(bits);
  }

  private static long bits(float value) {
    return Float.floatToRawIntBits(value);
  }

  private static long bits(double value) {
    return Double.doubleToRawLongBits(value);
  }

  /** The instruction, or null where it is none of these. */
  Instruction decode(PtxStatement s) {
    List<String> o = s.operands();
    return switch (s.opcode()) {
      case "fma.rn.f32" -> HotInstructions.multiplyAddF32(slot(o, 0), slot(o, 1), slot(o, 2), slot(o, 3));
      case "fma.rm.f32" -> lane(o, (a, b, c) -> bits(down(f(a), f(b), f(c))));
      case "fma.rp.f32" -> lane(o, (a, b, c) -> bits(-down(-f(a), f(b), -f(c))));
      case "fma.rz.f32" -> lane(o, (a, b, c) -> bits(towardsZero(f(a), f(b), f(c))));
      case "add.f32", "add.rn.f32" -> HotInstructions.addF32(slot(o, 0), slot(o, 1), slot(o, 2));
      case "add.rz.f32" -> lane(o, (a, b, c) -> bits(towardsZero(f(a), 1, f(b))));
      case "add.rm.f32" -> lane(o, (a, b, c) -> bits(down(f(a), 1, f(b))));
      case "add.rp.f32" -> lane(o, (a, b, c) -> bits(-down(-f(a), 1, -f(b))));
      case "sub.f32", "sub.rn.f32" -> lane(o, (a, b, c) -> bits(f(a) - f(b)));
      case "mul.f32", "mul.rn.f32" -> HotInstructions.multiplyF32(slot(o, 0), slot(o, 1), slot(o, 2));
      case "mad.f32", "mad.rn.f32" -> lane(o, (a, b, c) -> bits(Math.fma(f(a), f(b), f(c))));
      case "div.rn.f32", "div.approx.f32", "div.full.f32" -> lane(o, (a, b, c) -> bits(f(a) / f(b)));
      case "rcp.rn.f32", "rcp.approx.f32", "rcp.approx.ftz.f32" -> lane(o, (a, b, c) -> bits(1 / f(a)));
      case "sqrt.rn.f32", "sqrt.approx.f32" -> lane(o, (a, b, c) -> bits((float) Math.sqrt(f(a))));
      case "rsqrt.approx.f32", "rsqrt.approx.ftz.f32" -> lane(o, (a, b, c) -> bits((float) (1 / Math.sqrt(f(a)))));
      case "ex2.approx.f32", "ex2.approx.ftz.f32" -> lane(o, (a, b, c) -> bits((float) Math.pow(2, f(a))));
      case "lg2.approx.f32", "lg2.approx.ftz.f32" -> lane(o, (a, b, c) -> bits((float) (Math.log(f(a)) / Math.log(2))));
      case "sin.approx.f32" -> lane(o, (a, b, c) -> bits((float) Math.sin(f(a))));
      case "cos.approx.f32" -> lane(o, (a, b, c) -> bits((float) Math.cos(f(a))));
      case "tanh.approx.f32" -> lane(o, (a, b, c) -> bits((float) Math.tanh(f(a))));
      case "neg.f32" -> lane(o, (a, b, c) -> (int) a ^ 0x80000000);
      case "abs.f32" -> lane(o, (a, b, c) -> a & 0x7FFFFFFF);
      case "min.f32" ->
          lane(o, (a, b, c) -> bits(Float.isNaN(f(a)) ? f(b) : Float.isNaN(f(b)) ? f(a) : Math.min(f(a), f(b))));
      case "max.f32" ->
          lane(o, (a, b, c) -> bits(Float.isNaN(f(a)) ? f(b) : Float.isNaN(f(b)) ? f(a) : Math.max(f(a), f(b))));
      case "min.NaN.f32" -> lane(o, (a, b, c) -> bits(Math.min(f(a), f(b))));
      case "max.NaN.f32" -> lane(o, (a, b, c) -> bits(Math.max(f(a), f(b))));
      case "copysign.f32" -> lane(o, (a, b, c) -> (int) (a & 0x80000000L | b & 0x7FFFFFFFL));
      case "fma.rn.f64" -> lane(o, (a, b, c) -> bits(Math.fma(d(a), d(b), d(c))));
      case "add.f64", "add.rn.f64" -> lane(o, (a, b, c) -> bits(d(a) + d(b)));
      case "sub.f64", "sub.rn.f64" -> lane(o, (a, b, c) -> bits(d(a) - d(b)));
      case "mul.f64", "mul.rn.f64" -> lane(o, (a, b, c) -> bits(d(a) * d(b)));
      case "div.rn.f64" -> lane(o, (a, b, c) -> bits(d(a) / d(b)));
      case "rcp.rn.f64" -> lane(o, (a, b, c) -> bits(1 / d(a)));
      case "rcp.approx.ftz.f64" -> lane(o, (a, b, c) -> bits(1 / d(a)) & 0xFFFFFFFF00000000L);
      case "sqrt.rn.f64" -> lane(o, (a, b, c) -> bits(Math.sqrt(d(a))));
      case "neg.f64" -> lane(o, (a, b, c) -> a ^ Long.MIN_VALUE);
      case "abs.f64" -> lane(o, (a, b, c) -> a & Long.MAX_VALUE);
      case "min.f64" ->
          lane(o, (a, b, c) -> bits(Double.isNaN(d(a)) ? d(b) : Double.isNaN(d(b)) ? d(a) : Math.min(d(a), d(b))));
      case "max.f64" ->
          lane(o, (a, b, c) -> bits(Double.isNaN(d(a)) ? d(b) : Double.isNaN(d(b)) ? d(a) : Math.max(d(a), d(b))));
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

  /** {@code a b + c}, rounded down. The product is exact in double precision; the sum's error shows the direction. */
  static float down(float a, float b, float c) {
    double product = (double) a * b;
    double sum = product + c;
    double part = sum - product;
    double error = (product - (sum - part)) + (c - part);
    float nearest = (float) sum;
    boolean tooHigh = nearest > sum || (nearest == sum && error < 0);
    return tooHigh ? Math.nextDown(nearest) : nearest;
  }

  private static float towardsZero(float a, float b, float c) {
    return (double) a * b + c >= 0 ? down(a, b, c) : -down(-a, b, -c);
  }

  /** A comparison of floating-point numbers, or null where it is none. */
  static Instruction.Question comparison(String relation, String type) {
    if (!type.equals("f32") && !type.equals("f64")) {
      return null;
    }
    boolean wide = type.equals("f64");
    boolean unordered = relation.length() == 3 && relation.endsWith("u");
    String ordered = unordered ? relation.substring(0, 2) : relation;
    return switch (ordered) {
      case "eq" -> question(wide, unordered, (x, y) -> x == y);
      case "ne" -> question(wide, unordered, (x, y) -> x != y);
      case "lt" -> question(wide, unordered, (x, y) -> x < y);
      case "le" -> question(wide, unordered, (x, y) -> x <= y);
      case "gt" -> question(wide, unordered, (x, y) -> x > y);
      case "ge" -> question(wide, unordered, (x, y) -> x >= y);
      case "num" -> question(wide, false, (x, y) -> true);
      case "nan" -> question(wide, true, (x, y) -> false);
      default -> null;
    };
  }

  private interface Relation {
    boolean holds(double x, double y);
  }

  private static Instruction.Question question(boolean wide, boolean whenUnordered, Relation relation) {
    return (a, b) -> {
      double x = wide ? d(a) : f(a);
      double y = wide ? d(b) : f(b);
      return Double.isNaN(x) || Double.isNaN(y) ? whenUnordered : relation.holds(x, y);
    };
  }
}
