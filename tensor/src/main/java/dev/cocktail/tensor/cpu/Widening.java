package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import dev.cocktail.tensor.DType;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The one place where matrix products turn stored elements into floats; exact, infinities and NaN included. */
final class Widening {
  private static final VectorSpecies<Float> S = Lanes.FLOATS;
  private static final int LANES = S.length();

  private Widening() {}

  /** One element as a float. */
  static float load(DType type, long address) {
    return switch (type) {
      case F32 -> MEMORY.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address);
      case BF16 -> DType.bf16ToFloat(MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, address));
      case F16 -> DType.f16ToFloat(MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, address));
      default -> throw new IllegalArgumentException("cannot multiply " + type);
    };
  }

  /** A vector of contiguous elements, F32 or BF16. */
  static FloatVector vector(DType type, long address) {
    if (type == DType.BF16) {
      return halves(address).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }
    return FloatVector.fromMemorySegment(S, MEMORY, address, ORDER);
  }

  /** Writes {@code count} contiguous elements as floats. */
  static void widen(DType type, long from, int count, long to) {
    switch (type) {
      case F32 -> copy(from, count, to);
      case BF16 -> widenBf16(from, count, to);
      case F16 -> widenF16(from, count, to);
      default -> throw new IllegalArgumentException("cannot multiply " + type);
    }
  }

  private static void copy(long from, int count, long to) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      vector(DType.F32, from + 4L * i).intoMemorySegment(MEMORY, to + 4L * i, ORDER);
    }
    tail(DType.F32, from, i, count, to);
  }

  private static void widenBf16(long from, int count, long to) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      vector(DType.BF16, from + 2L * i).intoMemorySegment(MEMORY, to + 4L * i, ORDER);
    }
    tail(DType.BF16, from, i, count, to);
  }

  /**
   * A half's exponent and significand, shifted to a float's places, are the value times 2^-112, subnormals included;
   * the largest exponent, infinity and NaN, is set by hand.
   */
  private static void widenF16(long from, int count, long to) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      IntVector bits = halves(from + 2L * i);
      IntVector magnitude = bits.and(0x7FFF);
      var special = magnitude.compare(VectorOperators.GE, 0x7C00);
      IntVector value =
          magnitude.lanewise(VectorOperators.LSHL, 13).reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
      value = value.lanewise(VectorOperators.OR, IntVector.broadcast(Lanes.INTS, 0x7F800000), special);
      IntVector sign = bits.and(0x8000).lanewise(VectorOperators.LSHL, 16);
      value.or(sign).reinterpretAsFloats().intoMemorySegment(MEMORY, to + 4L * i, ORDER);
    }
    tail(DType.F16, from, i, count, to);
  }

  private static IntVector halves(long address) {
    return (IntVector) ShortVector.fromMemorySegment(Lanes.SHORTS, MEMORY, address, ORDER).castShape(Lanes.INTS, 0);
  }

  private static void tail(DType type, long from, int start, int count, long to) {
    for (int i = start; i < count; i++) {
      MEMORY.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * i, load(type, from + (long) i * type.bytes()));
    }
  }
}
