package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width that everything on the CPU uses, and the window through which it sees memory. The width is the
 * machine's preferred one; system property {@code cocktail.vectorBits} (128, 256 or 512) overrides it.
 */
final class Lanes {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED.withShape(shape());
  static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** As many shorts as {@link #FLOATS} has floats, for widening 16-bit elements lane by lane. */
  static final VectorSpecies<Short> SHORTS = shorts();

  static final int COUNT = FLOATS.length();
  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  /**
   * All of memory, addressed absolutely. Being a constant of global scope and unlimited size, it leaves the compiler no
   * liveness or bounds to check in inner loops; whoever uses it has checked dtype, shape and liveness of the tensors
   * before ({@link #requireAddressable}).
   */
  static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private Lanes() {}

  private static VectorShape shape() {
    String asked = System.getProperty("cocktail.vectorBits");
    if (asked == null) {
      return FloatVector.SPECIES_PREFERRED.vectorShape();
    }
    return switch (asked.strip()) {
      case "128" -> VectorShape.S_128_BIT;
      case "256" -> VectorShape.S_256_BIT;
      case "512" -> VectorShape.S_512_BIT;
      default ->
          throw new InvalidInputException(
              "system property cocktail.vectorBits is '" + asked + "'; expected 128, 256 or 512");
    };
  }

  private static VectorSpecies<Short> shorts() {
    return ShortVector.SPECIES_64.withShape(VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));
  }

  /** Refuses tensors that {@link #MEMORY} cannot reach: on the Java heap, on another device, or already freed. */
  static void requireAddressable(Tensor tensor) {
    if (!tensor.isOnHost() || !tensor.segment().isNative()) {
      throw new IllegalArgumentException(tensor + " does not lie in off-heap memory; adopt it into the device first");
    }
    if (!tensor.segment().scope().isAlive()) {
      throw new IllegalArgumentException("the memory of " + tensor + " was given back");
    }
  }
}
