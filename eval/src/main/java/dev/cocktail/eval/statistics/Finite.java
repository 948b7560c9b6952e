package dev.cocktail.eval.statistics;

/** Refuses what is no number: a NaN that went on would end as a probability that looks like one. */
final class Finite {
  private Finite() {}

  /**
   * Requires numbers.
   *
   * @throws IllegalArgumentException when one is NaN or infinite
   */
  static void require(String what, double... values) {
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new IllegalArgumentException(what + " is " + value + "; expected a finite number");
      }
    }
  }

  /**
   * Requires a share that is neither nothing nor all, such as a level.
   *
   * @throws IllegalArgumentException when it is not more than 0 and less than 1
   */
  static void requireShare(String what, double value) {
    if (!(value > 0 && value < 1)) {
      throw new IllegalArgumentException(what + " of " + value + "; expected more than 0 and less than 1");
    }
  }

  /**
   * Requires probabilities.
   *
   * @throws IllegalArgumentException when one is not from 0 to 1
   */
  static void requireProbabilities(double... values) {
    for (double value : values) {
      if (!(value >= 0 && value <= 1)) {
        throw new IllegalArgumentException("a probability of " + value + "; expected one from 0 to 1");
      }
    }
  }
}
