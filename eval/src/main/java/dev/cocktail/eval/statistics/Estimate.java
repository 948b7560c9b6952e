package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

/**
 * A statistic of a sample with how sure it is.
 *
 * @param value of the sample itself
 * @param interval where the true value may lie
 */
public record Estimate(double value, Interval interval) {
  public Estimate {
    requireNonNull(interval, "interval");
  }
}
