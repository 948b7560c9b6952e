package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

/**
 * Whether a difference is too small to matter.
 *
 * @param margin the smallest difference that matters
 * @param interval where the true difference may lie, of level 1 - 2 significance: 0.9 for 0.05
 * @param probability the larger p of the two one-sided tests that the difference is at least the margin, above or below
 */
public record Equivalence(double margin, Interval interval, double probability) {
  public Equivalence {
    requireNonNull(interval, "interval");
    Finite.requireProbabilities(probability);
  }

  /**
   * Whether nothing that matters was gained or lost: the whole interval lies within the margin. An interval that
   * touches it does not.
   */
  public boolean shown() {
    return -margin < interval.low() && interval.high() < margin;
  }
}
