package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Intervals by drawing whole clusters with replacement, as many as there are, again and again (B. Efron and R. J.
 * Tibshirani, An Introduction to the Bootstrap, 1993): the spread of a statistic over the draws stands for its spread
 * over samples. A statistic is computed anew in every draw, never averaged.
 *
 * <p>The draws follow from the seed and the number of clusters alone. So any two statistics of one bootstrap, say of
 * two models that answered the same items, see the same draws: they are paired.
 */
public final class ClusterBootstrap {
  /** Draws where nobody asks for another number. */
  public static final int DEFAULT_RESAMPLES = 10_000;

  private final Clusters clusters;
  private final int resamples;
  private final long seed;

  /**
   * A bootstrap over clusters.
   *
   * @param resamples number of draws
   * @throws IllegalArgumentException when there are no clusters or no draws
   */
  public ClusterBootstrap(Clusters clusters, int resamples, long seed) {
    this.clusters = requireNonNull(clusters, "clusters");
    this.resamples = resamples;
    this.seed = seed;
    if (clusters.count() == 0 || resamples < 1) {
      throw new IllegalArgumentException(
          "a bootstrap of %d draws from %d clusters; expected at least one of each"
              .formatted(resamples, clusters.count()));
    }
  }

  /**
   * A statistic with its percentile interval: the ends are the quantiles (1 - level) / 2 and (1 + level) / 2 of its
   * values over the draws.
   */
  public Estimate estimate(ItemStatistic statistic, double level) {
    return new Estimate(statistic.of(clusters.all()), percentiles(draw(statistic), level));
  }

  /**
   * The first statistic less the second, each draw the same for both. With B draws, of which n are at most 0 and m at
   * least 0, p = min(1, 2 min(n + 1, m + 1) / (B + 1)): it is never 0, and 1 where both always agree.
   */
  public PairedDifference difference(ItemStatistic first, ItemStatistic second, double level) {
    ItemStatistic difference = items -> first.of(items) - second.of(items);
    double[] drawn = draw(difference);
    long low = Arrays.stream(drawn).filter(value -> value <= 0).count();
    long high = Arrays.stream(drawn).filter(value -> value >= 0).count();
    double probability = Math.min(1, 2.0 * (Math.min(low, high) + 1) / (resamples + 1));
    return new PairedDifference(difference.of(clusters.all()), percentiles(drawn, level), probability);
  }

  private double[] draw(ItemStatistic statistic) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    double[] values = new double[resamples];
    int[] drawn = new int[clusters.count()];
    for (int resample = 0; resample < resamples; resample++) {
      for (int i = 0; i < drawn.length; i++) {
        drawn[i] = random.nextInt(drawn.length);
      }
      values[resample] = statistic.of(clusters.itemsOf(drawn));
    }
    return values;
  }

  private static Interval percentiles(double[] values, double level) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Interval(quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2), level);
  }

  /**
   * The quantile q of n sorted values: at the place q (n - 1), counted from 0, and between two values on the line that
   * joins them (definition 7 of R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, 1996).
   */
  static double quantile(double[] sorted, double q) {
    double place = Math.clamp(q, 0, 1) * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }
}
