package dev.cocktail.bench;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.InvalidInputException;
import java.util.Locale;

/** Reads what several measurements are asked for with. */
final class BenchOptions {
  private static final int MOST_TOKENS = 1 << 22;

  private BenchOptions() {}

  /**
   * The type of weights that {@code --dtype} names.
   *
   * @throws InvalidInputException when it names none
   */
  static DType weights(String dtype) {
    return switch (dtype.toLowerCase(Locale.ROOT)) {
      case "f32", "float32" -> DType.F32;
      case "bf16", "bfloat16" -> DType.BF16;
      case "f16", "float16" -> DType.F16;
      default -> throw new InvalidInputException("--dtype is '" + dtype + "'; expected f32, bf16 or f16");
    };
  }

  /** Refuses more tokens than any device holds at once; the host must hold what is known of each token too. */
  static void requireTokens(String options, long tokens) {
    if (tokens > MOST_TOKENS) {
      throw new InvalidInputException(
          String.format(Locale.ROOT, "%s are %,d tokens; expected at most %,d at once", options, tokens, MOST_TOKENS));
    }
  }

  /** Refuses numbers that are too small. */
  static void requireAtLeast(int least, String option, int value) {
    if (value < least) {
      throw new InvalidInputException(option + " is " + value + "; expected at least " + least);
    }
  }
}
