package dev.cocktail.kernels;

import dev.cocktail.tensor.DType;
import java.util.OptionalDouble;

/** What a multiprocessor's multiply-add units do in one clock, by NVIDIA's data sheets. */
final class MultiprocessorPeak {
  private MultiprocessorPeak() {}

  /**
   * Floating-point operations a clock: dense products of BF16 with F32 sums on tensor cores, or F32 outside of them.
   * Empty for capabilities whose cards differ among themselves, as GeForce and workstation cards do in BF16.
   *
   * @param capability 80 for 8.0
   * @param type BF16 or F32
   */
  static OptionalDouble operationsPerClock(int capability, DType type) {
    if (type == DType.BF16) {
      return switch (capability) {
        case 80 -> OptionalDouble.of(2048);
        case 90 -> OptionalDouble.of(4096);
        case 100 -> OptionalDouble.of(8192);
        default -> OptionalDouble.empty();
      };
    }
    return switch (capability) {
      case 80 -> OptionalDouble.of(128);
      case 86, 87, 89, 90, 100, 120 -> OptionalDouble.of(256);
      default -> OptionalDouble.empty();
    };
  }
}
