package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

/**
 * By how much one arm differs from another that answered the same items.
 *
 * @param value the first arm's statistic less the second's
 * @param interval where the true difference may lie
 * @param probability two-sided p: how often a difference at least so far from none would come by chance
 */
public record PairedDifference(double value, Interval interval, double probability) {
  public PairedDifference {
    requireNonNull(interval, "interval");
    if (!(probability >= 0 && probability <= 1)) {
      throw new IllegalArgumentException("a probability of " + probability);
    }
  }
}
