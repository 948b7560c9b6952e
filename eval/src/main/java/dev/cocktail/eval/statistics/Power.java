package dev.cocktail.eval.statistics;

import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * How small a difference a test set can show, before anything was run. For two arms that answer the same items, with q
 * the share of items that only one of them gets right, the difference of their shares has the standard error sqrt(q /
 * n) (q less the difference's square, which is small), and is found with probability {@code power} by a two-sided test
 * when it is (z_(1 - significance / 2) + z_power) standard errors: 2.8 for 0.05 and 0.8. Counts are whole numbers, so
 * that an exact test finds it a little more seldom: in 78.5 of 100 studies with q = 0.2 and n = 1,500, not 80.2. Seeds
 * come on top: {@link DifferenceDistribution#minimalDifference} has them, once runs were made.
 */
public final class Power {
  private static final NormalDistribution NORMAL = new NormalDistribution();

  private Power() {}

  /**
   * How many standard errors a difference has to be to be found: 2.80 for a significance of 0.05 and a power of 0.8.
   */
  public static double multiplier(double significance, double power) {
    Finite.requireShare("a significance", significance);
    Finite.requireShare("a power", power);
    return critical(significance) + NORMAL.inverseCumulativeProbability(power);
  }

  /**
   * The standard error of a difference between shares of right answers.
   *
   * @param discordance q, the share of items that only one of the arms gets right
   * @param items n
   * @param designEffect 1 for items that are independent, or {@link #designEffect}
   */
  public static double standardError(double discordance, double items, double designEffect) {
    if (!(discordance >= 0 && discordance <= 1) || !(items >= 1) || !(designEffect > 0)) {
      throw new IllegalArgumentException(
          "a share of %s, %s items and a design effect of %s".formatted(discordance, items, designEffect));
    }
    return Math.sqrt(discordance * designEffect / items);
  }

  /**
   * By how much items in clusters know less than as many independent ones (L. Kish, Survey Sampling, 1965): 1 + (m - 1)
   * rho.
   *
   * @param itemsPerCluster m
   * @param correlation rho, the correlation of two items of a cluster in what the arms differ in
   */
  public static double designEffect(double itemsPerCluster, double correlation) {
    double effect = 1 + (itemsPerCluster - 1) * correlation;
    if (!(itemsPerCluster >= 1) || !(correlation <= 1) || !(effect > 0)) {
      throw new IllegalArgumentException(
          "%s items in a cluster with a correlation of %s".formatted(itemsPerCluster, correlation));
    }
    return effect;
  }

  /** The smallest true difference that a two-sided test finds with probability {@code power}. */
  public static double minimalDifference(double standardError, double significance, double power) {
    Finite.require("a standard error", standardError);
    return multiplier(significance, power) * standardError;
  }

  /** How many independent items are needed to find a difference: q (multiplier / difference)^2, rounded up. */
  public static long items(double discordance, double difference, double significance, double power) {
    double one = standardError(discordance, 1, 1);
    if (!(difference > 0)) {
      throw new IllegalArgumentException("a difference of " + difference + "; expected more than 0");
    }
    double root = minimalDifference(one, significance, power) / difference;
    return Math.max(1, (long) Math.ceil(root * root));
  }

  /** The probability that a two-sided test finds a difference. */
  public static double power(double difference, double standardError, double significance) {
    Finite.requireShare("a significance", significance);
    if (!(standardError > 0)) {
      throw new IllegalArgumentException("a standard error of " + standardError + "; expected more than 0");
    }
    double shift = difference / standardError;
    return NORMAL.cumulativeProbability(shift - critical(significance))
        + NORMAL.cumulativeProbability(-shift - critical(significance));
  }

  private static double critical(double significance) {
    return -NORMAL.inverseCumulativeProbability(significance / 2);
  }
}
