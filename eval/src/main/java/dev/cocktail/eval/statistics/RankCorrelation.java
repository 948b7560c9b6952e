package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.apache.commons.math3.stat.ranking.NaNStrategy;
import org.apache.commons.math3.stat.ranking.NaturalRanking;
import org.apache.commons.math3.stat.ranking.TiesStrategy;

/**
 * Spearman's rank correlation: whether what was predicted orders things as what was measured does. Equal values share
 * the mean of their ranks.
 *
 * @param value rho, from -1 to 1
 * @param interval tanh(atanh(rho) -+ z sqrt((1 + rho^2 / 2) / (n - 3))) (D. G. Bonett and T. A. Wright, Sample size
 *     requirements for estimating Pearson, Kendall and Spearman correlations, 2000); from -1 to 1 for three pairs
 * @param probability two-sided p: the share of orders of the one list that correlate at least as much with the other
 */
public record RankCorrelation(double value, Interval interval, double probability) {
  private static final double ROUNDING = 1e-12;

  /**
   * The correlation of two lists.
   *
   * @param resamples how many orders to draw at random where there are more; all of them where there are not
   * @throws IllegalArgumentException when there are fewer than three pairs, a number is not finite, or a list has one
   *     value only, which orders nothing
   */
  public static RankCorrelation of(double[] first, double[] second, double level, int resamples, long seed) {
    if (first.length != second.length || first.length < 3) {
      throw new IllegalArgumentException(
          "lists of " + first.length + " and " + second.length + " values; expected as many of each, at least three");
    }
    double[] ones = ranks(first);
    double[] others = ranks(second);
    for (double[] ranks : new double[][] {ones, others}) {
      if (Arrays.stream(ranks).distinct().count() == 1) {
        throw new IllegalArgumentException("all values of a list are equal; there is no order to correlate with");
      }
    }
    double value = Math.clamp(new PearsonsCorrelation().correlation(ones, others), -1, 1);
    return new RankCorrelation(
        value, interval(value, ones.length, level), probability(ones, others, Math.abs(value), resamples, seed));
  }

  /** Ranks from 1 for the smallest value; equal ones share the mean of theirs. */
  static double[] ranks(double[] values) {
    Finite.require("a value to rank", values);
    return new NaturalRanking(NaNStrategy.FAILED, TiesStrategy.AVERAGE).rank(values);
  }

  /**
   * Where ranks agree wholly, the formula would be certain; the far end is then that of the next smaller rho that n
   * ranks without ties can have, 1 - 12 / (n^3 - n).
   */
  private static Interval interval(double value, int n, double level) {
    Finite.requireShare("a level", level);
    if (n == 3) {
      return new Interval(-1, 1, level);
    }
    double next = 1 - 12.0 / ((double) n * n * n - n);
    double used = Math.clamp(value, -next, next);
    double reach =
        new NormalDistribution().inverseCumulativeProbability((1 + level) / 2)
            * Math.sqrt((1 + used * used / 2) / (n - 3));
    double centre = Math.log((1 + used) / (1 - used)) / 2;
    return new Interval(Math.min(value, Math.tanh(centre - reach)), Math.max(value, Math.tanh(centre + reach)), level);
  }

  private static double probability(double[] ones, double[] others, double seen, int resamples, long seed) {
    double mean = (ones.length + 1) / 2.0;
    double[] one = Arrays.stream(ones).map(rank -> rank - mean).toArray();
    double[] other = Arrays.stream(others).map(rank -> rank - mean).toArray();
    double bound = (seen - ROUNDING) * Math.sqrt(product(one, one) * product(other, other));
    int n = one.length;
    long orders = 1;
    for (int i = 2; i <= n && orders <= resamples; i++) {
      orders *= i;
    }
    if (orders <= resamples) {
      return (double) beyond(one, other, n, bound) / orders;
    }
    RandomGenerator random = Draws.random(seed);
    int beyond = 0;
    for (int resample = 0; resample < resamples; resample++) {
      for (int i = n - 1; i > 0; i--) {
        swap(other, i, random.nextInt(i + 1));
      }
      beyond += Math.abs(product(one, other)) >= bound ? 1 : 0;
    }
    return (1.0 + beyond) / (resamples + 1);
  }

  /** How many orders of the first {@code free} values correlate as much: each value last in turn. */
  private static int beyond(double[] one, double[] other, int free, double bound) {
    if (free == 1) {
      return Math.abs(product(one, other)) >= bound ? 1 : 0;
    }
    int count = 0;
    for (int last = 0; last < free; last++) {
      swap(other, last, free - 1);
      count += beyond(one, other, free - 1, bound);
      swap(other, last, free - 1);
    }
    return count;
  }

  private static double product(double[] one, double[] other) {
    double sum = 0;
    for (int i = 0; i < one.length; i++) {
      sum += one[i] * other[i];
    }
    return sum;
  }

  private static void swap(double[] values, int one, int other) {
    double kept = values[one];
    values[one] = values[other];
    values[other] = kept;
  }
}
