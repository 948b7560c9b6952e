package dev.cocktail.eval.statistics;

import java.util.Optional;
import java.util.OptionalDouble;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.StatUtils;

/**
 * A number over the runs of several seeds.
 *
 * @param mean its mean
 * @param deviation its standard deviation from run to run, with S - 1 in the denominator; none for one run
 * @param interval mean -+ t deviation / sqrt(S), t being Student's with S - 1 degrees of freedom; none for one run. It
 *     is about seeds alone: the items are taken as they are.
 */
public record SeedSummary(double mean, OptionalDouble deviation, Optional<Interval> interval) {
  /**
   * Sums up.
   *
   * @param values one a run
   * @param level the interval's
   * @throws IllegalArgumentException when there are none, or one is no finite number
   */
  public static SeedSummary of(double[] values, double level) {
    Finite.requireShare("a level", level);
    Finite.require("a value of a run", values);
    if (values.length == 0) {
      throw new IllegalArgumentException("no runs to sum up");
    }
    double mean = StatUtils.mean(values);
    if (values.length == 1) {
      return new SeedSummary(mean, OptionalDouble.empty(), Optional.empty());
    }
    double deviation = Math.sqrt(StatUtils.variance(values));
    double reach = multiplier(values.length - 1, level) * deviation / Math.sqrt(values.length);
    return new SeedSummary(
        mean, OptionalDouble.of(deviation), Optional.of(new Interval(mean - reach, mean + reach, level)));
  }

  /** How many standard errors an interval reaches to either side: 4.30 for 2 degrees of freedom, 2.78 for 4. */
  static double multiplier(int degreesOfFreedom, double level) {
    return new TDistribution(degreesOfFreedom).inverseCumulativeProbability((1 + level) / 2);
  }
}
