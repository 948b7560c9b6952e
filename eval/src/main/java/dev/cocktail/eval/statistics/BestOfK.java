package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.apache.commons.math3.util.CombinatoricsUtils;

/**
 * What the best of k trials scores, so that arms are compared at equal effort: whoever tried more configurations found
 * a better one by luck alone (J. Dodge and others, Show Your Work: Improved Reporting of Experimental Results, 2019).
 */
public final class BestOfK {
  private static final double REACH = 12;
  private static final int STEPS = 2_400;

  private BestOfK() {}

  /**
   * The expected best of k draws with replacement, of n sorted values v_(1) to v_(n): sum over i of v_(i) ((i / n)^k -
   * ((i - 1) / n)^k).
   */
  public static double withReplacement(double[] values, int k) {
    double[] sorted = sorted(values, k);
    double n = sorted.length;
    double sum = 0;
    for (int i = 1; i <= n; i++) {
      sum += sorted[i - 1] * (Math.pow(i / n, k) - Math.pow((i - 1) / n, k));
    }
    return sum;
  }

  /**
   * The expected best of k different values: sum over i of v_(i) C(i - 1, k - 1) / C(n, k).
   *
   * @throws IllegalArgumentException when there are fewer than k
   */
  public static double withoutReplacement(double[] values, int k) {
    double[] sorted = sorted(values, k);
    int n = sorted.length;
    if (k > n) {
      throw new IllegalArgumentException("the best of " + k + " different values out of " + n);
    }
    double sum = 0;
    for (int i = k; i <= n; i++) {
      double logarithm = CombinatoricsUtils.binomialCoefficientLog(i - 1, k - 1);
      sum += sorted[i - 1] * Math.exp(logarithm - CombinatoricsUtils.binomialCoefficientLog(n, k));
    }
    return sum;
  }

  /**
   * The expected best of k with replacement and the percentile interval that follows from drawing the n trials with
   * replacement: how it would have come out with other trials.
   */
  public static Estimate withReplacement(double[] values, int k, int resamples, long seed, double level) {
    double value = withReplacement(values, k);
    if (resamples < 1) {
      throw new IllegalArgumentException("a bootstrap of " + resamples + " draws");
    }
    RandomGenerator random = Draws.random(seed);
    double[] drawn = new double[resamples];
    double[] some = new double[values.length];
    for (int resample = 0; resample < resamples; resample++) {
      for (int i = 0; i < some.length; i++) {
        some[i] = values[random.nextInt(values.length)];
      }
      drawn[resample] = withReplacement(some, k);
    }
    return new Estimate(value, DifferenceDistribution.percentiles(drawn, level));
  }

  /**
   * The winner's curse: the expected largest of k independent standard normal numbers, thus how many standard
   * deviations the best of k trials seems better than one although none is. It is the integral over x of k x phi(x)
   * Phi(x)^(k - 1), by the trapezoidal rule, whose error for so smooth a function is that of rounding.
   */
  public static double ofNormals(int k) {
    if (k < 1) {
      throw new IllegalArgumentException("the best of " + k);
    }
    NormalDistribution normal = new NormalDistribution();
    double step = 2 * REACH / STEPS;
    double sum = 0;
    for (int i = 0; i <= STEPS; i++) {
      double x = -REACH + i * step;
      sum += x * normal.density(x) * Math.pow(normal.cumulativeProbability(x), k - 1.0);
    }
    return k * sum * step;
  }

  private static double[] sorted(double[] values, int k) {
    Finite.require("the value of a trial", values);
    if (values.length == 0 || k < 1) {
      throw new IllegalArgumentException("the best of " + k + " out of " + values.length + "; expected at least one");
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted;
  }
}
