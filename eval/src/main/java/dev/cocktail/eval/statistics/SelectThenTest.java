package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * Compares two arms as they are used: of each arm's trials the one with the best validation value is taken, and that
 * one is tested. Choosing is part of what may come out differently, so that it is repeated in every draw.
 */
public final class SelectThenTest {
  private final Clusters validation;
  private final Clusters test;
  private final int resamples;
  private final long seed;

  /**
   * A comparison.
   *
   * @param validation the clusters of the items that trials are chosen by
   * @param test those of the items that the chosen ones are tested by
   */
  public SelectThenTest(Clusters validation, Clusters test, int resamples, long seed) {
    this.validation = requireNonNull(validation, "validation");
    this.test = requireNonNull(test, "test");
    this.resamples = resamples;
    this.seed = seed;
    if (validation.count() == 0 || test.count() == 0 || resamples < 1) {
      throw new IllegalArgumentException(
          "%d draws from %d and %d clusters; expected at least one of each"
              .formatted(resamples, validation.count(), test.count()));
    }
  }

  /**
   * A configuration that was tried.
   *
   * @param validation its statistic of the validation items and what it follows from; larger is better
   * @param test that of the test items
   */
  public record Trial(ClusterSums validation, ClusterSums test) {}

  /** The trial with the largest validation value; of several, the first. */
  public int select(List<Trial> trials) {
    return best(values(trials, Draws.each(validation.count())));
  }

  /**
   * The test value of the first arm's chosen trial less that of the second's.
   *
   * <p>Its interval comes from drawing trials within arms, validation clusters and test clusters with replacement, and
   * choosing anew. Its p comes from giving the trials to the arms at random: if an arm's trials are no better than the
   * other's, each such assignment is as likely as the one seen, with all the luck of training, choosing and testing in
   * it. With n of B assignments at least as far apart, p = (1 + n) / (B + 1).
   *
   * @throws IllegalArgumentException when one arm had more trials than the other: the best of more is better by luck
   */
  public PairedDifference difference(List<Trial> first, List<Trial> second, double level) {
    if (first.isEmpty() || first.size() != second.size()) {
      throw new IllegalArgumentException(
          "arms of %d and %d trials; expected as many of each, at least one".formatted(first.size(), second.size()));
    }
    List<Trial> all = Stream.concat(first.stream(), second.stream()).toList();
    double[] chosenBy = values(all, Draws.each(validation.count()));
    int[] each = Draws.each(test.count());
    double[] tested = all.stream().mapToDouble(trial -> trial.test().of(each)).toArray();
    Finite.require("the test value of a trial", tested);
    int k = first.size();
    int[] identity = new int[2 * k];
    for (int i = 0; i < identity.length; i++) {
      identity[i] = i;
    }
    double seen = tested[best(chosenBy, identity, 0, k)] - tested[best(chosenBy, identity, k, 2 * k)];
    return new PairedDifference(
        seen,
        DifferenceDistribution.percentiles(draw(all, k), level),
        probability(chosenBy, tested, identity, Math.abs(seen)));
  }

  private double[] draw(List<Trial> all, int k) {
    RandomGenerator random = Draws.random(seed);
    double[] drawn = new double[resamples];
    int[] validationCounts = new int[validation.count()];
    int[] testCounts = new int[test.count()];
    int[] trials = new int[2 * k];
    for (int resample = 0; resample < resamples; resample++) {
      Draws.clusters(random, validationCounts);
      Draws.clusters(random, testCounts);
      for (int i = 0; i < trials.length; i++) {
        trials[i] = random.nextInt(k) + (i < k ? 0 : k);
      }
      double[] chosenBy = values(all, validationCounts);
      drawn[resample] =
          all.get(best(chosenBy, trials, 0, k)).test().of(testCounts)
              - all.get(best(chosenBy, trials, k, 2 * k)).test().of(testCounts);
    }
    return drawn;
  }

  private double probability(double[] chosenBy, double[] tested, int[] trials, double seen) {
    RandomGenerator random = Draws.random(~seed);
    int k = trials.length / 2;
    int beyond = 0;
    for (int resample = 0; resample < resamples; resample++) {
      Draws.choose(random, trials, k);
      double difference = tested[best(chosenBy, trials, 0, k)] - tested[best(chosenBy, trials, k, 2 * k)];
      beyond += Math.abs(difference) >= seen ? 1 : 0;
    }
    return (1.0 + beyond) / (resamples + 1);
  }

  private static double[] values(List<Trial> trials, int[] counts) {
    double[] values = trials.stream().mapToDouble(trial -> trial.validation().of(counts)).toArray();
    Finite.require("the validation value of a trial", values);
    return values;
  }

  private static int best(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }

  private static int best(double[] values, int[] trials, int from, int to) {
    int best = trials[from];
    for (int i = from + 1; i < to; i++) {
      best = values[trials[i]] > values[best] ? trials[i] : best;
    }
    return best;
  }
}
