package dev.cocktail.eval.statistics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongPredicate;
import java.util.random.RandomGenerator;
import java.util.stream.LongStream;
import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * Studies of which the truth is known. Their number is what a test asks for, or {@code -Dcocktail.simulations=N};
 * bounds follow from the number.
 */
final class Simulations {
  /** How seldom a share that is as it should be is taken for one that is not. */
  private static final double FALSE_ALARM = 1e-4;

  private Simulations() {}

  /** How many studies to simulate. */
  static int count(int usual) {
    return Integer.getInteger("cocktail.simulations", usual);
  }

  /** In how many of so many studies, each with its own seed, something happens. */
  static int count(int studies, LongPredicate happens) {
    return (int) LongStream.range(0, studies).parallel().filter(happens).count();
  }

  /** The most often that something of this probability happens in so many studies, but for one time in 10,000. */
  static int most(int studies, double probability) {
    return new BinomialDistribution(studies, probability).inverseCumulativeProbability(1 - FALSE_ALARM);
  }

  /** Says how often something happened, for whoever wants to know more than that it was within its bounds. */
  static int report(String what, int times, int studies) {
    System.out.printf("%s: %d of %d studies, %.1f %%%n", what, times, studies, 100.0 * times / studies);
    return times;
  }

  /** The least often. */
  static int least(int studies, double probability) {
    return new BinomialDistribution(studies, probability).inverseCumulativeProbability(FALSE_ALARM);
  }

  /**
   * A world in which arms are trained and tested.
   *
   * @param clusters of items, of one to {@code largest} items each
   * @param seedDeviation how far a run's share of right answers is from its arm's
   * @param itemDeviation how far an arm's share of right answers to a cluster is from its share to all, up or down
   */
  record World(int clusters, int largest, double seedDeviation, double itemDeviation) {
    /**
     * Arms with the same items.
     *
     * @param seeds runs of each arm
     * @param effects by how much each arm's probability of a right answer is above a half
     */
    List<ArmRuns> arms(RandomGenerator random, int seeds, double... effects) {
      double[] luck = new double[effects.length];
      Arrays.fill(luck, 1);
      return arms(random, seeds, effects, luck);
    }

    /**
     * Arms to which seeds matter unequally.
     *
     * @param lucks how many times {@code seedDeviation} each arm's is
     */
    List<ArmRuns> arms(RandomGenerator random, int seeds, double[] effects, double[] lucks) {
      int[] sizes = new int[clusters];
      Arrays.setAll(sizes, _ -> 1 + random.nextInt(largest));
      double[] difficulty = random.doubles(clusters, -.1, .1).toArray();
      Clusters items = Clusters.ofSingles(clusters);
      List<ArmRuns> arms = new ArrayList<>();
      for (int arm = 0; arm < effects.length; arm++) {
        double effect = effects[arm];
        double[] share = new double[clusters];
        Arrays.setAll(
            share,
            cluster -> .5 + effect + difficulty[cluster] + (random.nextBoolean() ? itemDeviation : -itemDeviation));
        List<Shares> runs = new ArrayList<>();
        for (int seed = 0; seed < seeds; seed++) {
          double luck = lucks[arm] * seedDeviation * random.nextGaussian();
          double[] right = new double[clusters];
          for (int cluster = 0; cluster < clusters; cluster++) {
            for (int item = 0; item < sizes[cluster]; item++) {
              right[cluster] += random.nextDouble() < share[cluster] + luck ? 1 : 0;
            }
          }
          runs.add(new Shares(right, sizes));
        }
        arms.add(ArmRuns.of(items, runs));
      }
      return arms;
    }
  }
}
