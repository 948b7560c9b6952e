package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;

/**
 * How far a device's results may lie from the reference's, by formula. Both sides read the same inputs, so only the
 * device's own rounding counts: a sum of n products in any order errs by at most {@code n u sum |a||b|} (Higham,
 * "Accuracy and stability of numerical algorithms", 2002, section 3.1), where u is the unit roundoff of the
 * accumulators, and storing it adds the unit roundoff of its type.
 *
 * @param activation unit roundoff of the activation type
 * @param parameter unit roundoff of the parameter type
 * @param accumulator unit roundoff of sums: that of F32, or of F64 on a device that computes in it
 * @param tiny what may be lost at the lower end of the exponents, where denormals may be flushed to zero
 */
record Tolerance(double activation, double parameter, double accumulator, double tiny) {
  static Tolerance of(Device device) {
    return new Tolerance(
        roundoff(device.activationType()),
        roundoff(device.parameterType()),
        roundoff(device.parameterType()),
        device.parameterType() == DType.F64 ? Double.MIN_NORMAL : Float.MIN_NORMAL);
  }

  /** Half the distance between 1 and the next number. */
  static double roundoff(DType dtype) {
    return switch (dtype) {
      case F64 -> 0x1p-53;
      case F32 -> 0x1p-24;
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-8;
      default -> throw new IllegalArgumentException(dtype + " does not round");
    };
  }

  /** A sum of so many products whose magnitudes add up to {@code magnitude}, stored with the given unit roundoff. */
  double sum(long terms, double magnitude, double stored) {
    return ((terms + 4) * accumulator + stored) * magnitude + (terms + 1) * tiny;
  }

  /** A few operations on numbers of the given magnitude, stored as an activation. */
  double activation(double magnitude) {
    return sum(4, magnitude, activation);
  }

  /** A few operations on numbers of the given magnitude, stored as a parameter. */
  double parameter(double magnitude) {
    return sum(4, magnitude, parameter);
  }
}
