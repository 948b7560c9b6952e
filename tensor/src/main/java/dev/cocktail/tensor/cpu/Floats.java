package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.FLOATS;
import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import dev.cocktail.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Floats at absolute addresses, a vector or one at a time, and sums over lanes in an order that is fixed. (The Vector
 * API leaves the order of a reduction open, and interpreted and compiled code do differ.)
 */
final class Floats {
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ORDER);
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);

  private Floats() {}

  /** Where a tensor's elements begin, once it is certain that they can be read there. */
  static long at(Tensor tensor) {
    Lanes.requireAddressable(tensor);
    return tensor.address();
  }

  static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(FLOATS, MEMORY, address, ORDER);
  }

  /** Lanes that are not set are 0 and not read. */
  static FloatVector load(long address, VectorMask<Float> lanes) {
    return FloatVector.fromMemorySegment(FLOATS, MEMORY, address, ORDER, lanes);
  }

  static void store(long address, FloatVector values) {
    values.intoMemorySegment(MEMORY, address, ORDER);
  }

  static void store(long address, FloatVector values, VectorMask<Float> lanes) {
    values.intoMemorySegment(MEMORY, address, ORDER, lanes);
  }

  static FloatVector splat(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  /** The lanes from {@code i} on that lie below {@code count}. */
  static VectorMask<Float> tail(int i, int count) {
    return FLOATS.indexInRange(i, count);
  }

  static float get(long address) {
    return MEMORY.get(FLOAT, address);
  }

  static void set(long address, float value) {
    MEMORY.set(FLOAT, address, value);
  }

  static int getInt(long address) {
    return MEMORY.get(INT, address);
  }

  static void setInt(long address, int value) {
    MEMORY.set(INT, address, value);
  }

  static void setShort(long address, short value) {
    MEMORY.set(SHORT, address, value);
  }

  /** Adds up stored lanes, in order. */
  static double sum(float[] lanes) {
    double sum = 0;
    for (float lane : lanes) {
      sum += lane;
    }
    return sum;
  }

  /** Adds up stored lanes, in order. */
  static double sum(double[] lanes) {
    double sum = 0;
    for (double lane : lanes) {
      sum += lane;
    }
    return sum;
  }
}
