package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.random.RandomGenerator;

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
    return new Estimate(statistic.of(all()), DifferenceDistribution.percentiles(draw(statistic), level));
  }

  /**
   * The first statistic less the second, each draw the same for both, with {@link DifferenceDistribution}'s interval
   * and probability.
   */
  public PairedDifference difference(ItemStatistic first, ItemStatistic second, double level) {
    ItemStatistic difference = items -> first.of(items) - second.of(items);
    double[] drawn = draw(difference);
    return new DifferenceDistribution(difference.of(all()), drawn, drawn, List.of()).at(level);
  }

  private int[] all() {
    return clusters.itemsOf(Draws.each(clusters.count()));
  }

  private double[] draw(ItemStatistic statistic) {
    RandomGenerator random = Draws.random(seed);
    double[] values = new double[resamples];
    int[] counts = new int[clusters.count()];
    for (int resample = 0; resample < resamples; resample++) {
      Draws.clusters(random, counts);
      values[resample] = statistic.of(clusters.itemsOf(counts));
    }
    return values;
  }
}
