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

/**
 * Turns stored elements into floats, exactly, infinities and NaN included. ({@link DotProducts} widens BF16 itself, in
 * registers.)
 */
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

  /**
   * A half's exponent and significand, shifted to a float's places, are the value times 2^-112, subnormals included;
   * the largest exponent, infinity and NaN, is set by hand.
   */
  private static FloatVector vectorOfF16(long address) {
    IntVector bits = halves(address);
    IntVector magnitude = bits.and(0x7FFF);
    var special = magnitude.compare(VectorOperators.GE, 0x7C00);
    IntVector value =
        magnitude.lanewise(VectorOperators.LSHL, 13).reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    value = value.lanewise(VectorOperators.OR, IntVector.broadcast(Lanes.INTS, 0x7F800000), special);
    IntVector sign = bits.and(0x8000).lanewise(VectorOperators.LSHL, 16);
    return value.or(sign).reinterpretAsFloats();
  }

  /** Writes {@code count} contiguous elements as floats. */
  static void widen(DType type, long from, int count, long to) {
    int whole = count / LANES * LANES;
    vectors(type, from, 0, 1, whole, to, 0);
    for (int i = whole; i < count; i++) {
      MEMORY.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * i, load(type, from + (long) i * type.bytes()));
    }
  }

  /**
   * Writes rows of whole vectors of elements as floats. A loop for every type, since C2 neither takes the choice out of
   * a loop that several types have run through nor keeps the vectors of such a choice out of the heap.
   *
   * @param fromStride bytes from one row to the next
   * @param count elements of a row, a multiple of the number of lanes
   * @param toStride bytes from one row to the next
   */
  static void vectors(DType type, long from, long fromStride, int rows, int count, long to, long toStride) {
    switch (type) {
      case F32 -> vectorsOfF32(from, fromStride, rows, count, to, toStride);
      case BF16 -> vectorsOfBf16(from, fromStride, rows, count, to, toStride);
      case F16 -> vectorsOfF16(from, fromStride, rows, count, to, toStride);
      default -> throw new IllegalArgumentException("cannot multiply " + type);
    }
  }

  private static void vectorsOfF32(long from, long fromStride, int rows, int count, long to, long toStride) {
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < count; i += LANES) {
        FloatVector.fromMemorySegment(S, MEMORY, from + 4L * i, ORDER).intoMemorySegment(MEMORY, to + 4L * i, ORDER);
      }
      from += fromStride;
      to += toStride;
    }
  }

  private static void vectorsOfBf16(long from, long fromStride, int rows, int count, long to, long toStride) {
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < count; i += LANES) {
        IntVector bits = halves(from + 2L * i).lanewise(VectorOperators.LSHL, 16);
        bits.reinterpretAsFloats().intoMemorySegment(MEMORY, to + 4L * i, ORDER);
      }
      from += fromStride;
      to += toStride;
    }
  }

  private static void vectorsOfF16(long from, long fromStride, int rows, int count, long to, long toStride) {
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < count; i += LANES) {
        vectorOfF16(from + 2L * i).intoMemorySegment(MEMORY, to + 4L * i, ORDER);
      }
      from += fromStride;
      to += toStride;
    }
  }

  private static IntVector halves(long address) {
    return (IntVector) ShortVector.fromMemorySegment(Lanes.SHORTS, MEMORY, address, ORDER).castShape(Lanes.INTS, 0);
  }
}
