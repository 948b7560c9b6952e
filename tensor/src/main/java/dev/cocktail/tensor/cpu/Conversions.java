package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.INTS;
import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;
import static dev.cocktail.tensor.cpu.Lanes.SHORTS;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The operation cast, and weights as floats. */
final class Conversions {
  private final WorkerPool pool;

  Conversions(WorkerPool pool) {
    this.pool = pool;
  }

  void cast(Tensor out, Tensor in) {
    long target = Floats.at(out);
    long source = Floats.at(in);
    DType to = out.dtype();
    DType from = in.dtype();
    if (to == from) {
      copy(target, source, out.byteSize());
    } else if (to == DType.F32 && from != DType.F64) {
      Chunks.elements(
          pool, out.elements(), (i, end) -> Widening.widen(from, source + 2 * i, (int) (end - i), target + 4 * i));
    } else if (from == DType.F32 && to != DType.F64) {
      Chunks.elements(pool, out.elements(), (i, end) -> narrow(target + 2 * i, source + 4 * i, to, (int) (end - i)));
    } else {
      Chunks.elements(pool, out.elements(), (begin, end) -> castOneByOne(out, in, begin, end));
    }
  }

  private void copy(long out, long in, long bytes) {
    Chunks.split(
        pool,
        bytes,
        4L * Chunks.ELEMENTS,
        (from, to) -> MemorySegment.copy(MEMORY, in + from, MEMORY, out + from, to - from));
  }

  private static void castOneByOne(Tensor out, Tensor in, long from, long to) {
    for (long i = from; i < to; i++) {
      out.set(i, in.get(i));
    }
  }

  /**
   * The address of a tensor's elements as F32: its own where it has that type, otherwise of a copy in {@code scratch}.
   * For the small vectors of weights that are read once for every row.
   */
  static long asFloats(Tensor weight, Arena scratch) {
    long address = Floats.at(weight);
    if (weight.dtype() == DType.F32) {
      return address;
    }
    long floats = scratch.allocate(Math.max(4, 4 * weight.elements()), 64).address();
    Widening.widen(weight.dtype(), address, Math.toIntExact(weight.elements()), floats);
    return floats;
  }

  /** Copies {@code count} floats to BF16 or F16, rounding to nearest even. */
  private static void narrow(long out, long in, DType type, int count) {
    if (type == DType.BF16) {
      narrowToBf16(out, in, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      Floats.setShort(out + 2L * i, DType.floatToF16(Floats.get(in + 4L * i)));
    }
  }

  private static void narrowToBf16(long out, long in, int count) {
    int i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      floatsToBf16(Floats.load(in + 4L * i)).intoMemorySegment(MEMORY, out + 2L * i, ORDER);
    }
    for (; i < count; i++) {
      Floats.setShort(out + 2L * i, DType.floatToBf16(Floats.get(in + 4L * i)));
    }
  }

  private static ShortVector floatsToBf16(FloatVector values) {
    IntVector bits = values.reinterpretAsInts();
    IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector rounded = bits.add(odd).add(0x7FFF);
    VectorMask<Integer> notNumbers = values.test(VectorOperators.IS_NAN).cast(INTS);
    IntVector upper = rounded.blend(bits.or(0x0040_0000), notNumbers).lanewise(VectorOperators.LSHR, 16);
    return (ShortVector) upper.convertShape(VectorOperators.I2S, SHORTS, 0);
  }
}
