package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.apache.commons.math3.stat.StatUtils;

/**
 * How far a difference between arms may be from the truth when both the items and the seeds of the runs are samples.
 *
 * <p>Clusters of items are drawn with replacement, the same for all runs, and the statistic is computed anew, as in
 * {@link ClusterBootstrap}. Seeds are not drawn from the S that there are: with three, such draws know ten sets, hold
 * two thirds of the seeds' variance and take that for certain, so that where seeds matter percentiles of them miss the
 * truth several times as often as they should ({@code CoverageTest} shows how often). Instead each draw adds what
 * Student's t distribution says of a mean over S runs whose deviation was estimated: {@link SeedSpread#error} times a
 * draw of t with {@link SeedSpread#degreesOfFreedom}. Where only one of items and seeds varies, the interval is the
 * usual one; where both do, it is that of Behrens and Fisher, which is wider than necessary rather than narrower (G. K.
 * Robinson, Properties of Student's t and of the Behrens-Fisher solution to the two means problem, 1976).
 *
 * <p>That single answers change from seed to seed shows in the spread over seeds and in that over items. So that it
 * does not count twice, the draws' deviations keep only the share of their variance that the runs have in common: with
 * v_b the variance between the S runs' deviations in draw b, that share is 1 - mean(v_b) / S / mean(d_b^2), at least 0.
 *
 * <p>Two corrections for small samples. With C clusters, deviations of the draws are multiplied with sqrt(C / (C - 1))
 * and with sqrt(f / chi-squared of f), f = C - 1, as Student's t is wider than the normal distribution (compare T. C.
 * Hesterberg, What teachers should know about the bootstrap, 2015). And each draw gets a normal draw of deviation unit
 * / C, the spread that half a cluster more with a difference of +unit and half a cluster more with -unit would give (A.
 * Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions, 2005): where arms differ
 * in three clusters of a hundred, or in none, a plain draw is far too sure.
 */
public final class TwoLevelBootstrap {
  private final int resamples;
  private final long seed;
  private final double unit;

  /**
   * A bootstrap.
   *
   * @param resamples number of draws
   * @param unit by how much one cluster can differ between arms: 1 for shares of items and for F1, 0 for numbers
   *     without such a scale, such as losses
   */
  public TwoLevelBootstrap(int resamples, long seed, double unit) {
    if (resamples < 1 || !(unit >= 0 && unit < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("a bootstrap of " + resamples + " draws with a unit of " + unit);
    }
    this.resamples = resamples;
    this.seed = seed;
    this.unit = unit;
  }

  /**
   * An arm of a contrast.
   *
   * @param weight what the arm's mean over its runs is multiplied with
   */
  public record Term(double weight, ArmRuns arm) {}

  /**
   * The mean over runs of the first arm less that of the second.
   *
   * @param seeds what seeds do to it, from {@link SeedSpread}; empty when the difference is to be about the runs that
   *     there are
   * @throws IllegalArgumentException when there are fewer than two clusters, or the arms have different ones
   */
  public DifferenceDistribution difference(ArmRuns first, ArmRuns second, List<SeedSpread> seeds) {
    return contrast(List.of(new Term(1, first), new Term(-1, second)), seeds);
  }

  /**
   * A sum of arms with weights, such as {@link Interaction}'s.
   *
   * @param seeds what seeds do to it
   */
  public DifferenceDistribution contrast(List<Term> terms, List<SeedSpread> seeds) {
    Clusters clusters = terms.getFirst().arm().clusters();
    int count = clusters.count();
    if (count < 2) {
      throw new IllegalArgumentException(
          count + " clusters of items; expected at least two, for one says nothing about others");
    }
    if (terms.stream().anyMatch(term -> term.arm().clusters() != clusters)) {
      throw new IllegalArgumentException("arms with different clusters; expected the answers to the same items");
    }
    Deviations deviations = draw(terms, count);
    double common = seeds.isEmpty() ? 1 : Math.sqrt(deviations.commonShare());
    double correction = common * Math.sqrt(count / (count - 1.0));
    double unseen = unit / count;
    RandomGenerator random = Draws.random(~seed);
    double[] ofItems = deviations.means();
    double[] drawn = new double[resamples];
    for (int resample = 0; resample < resamples; resample++) {
      double items = ofItems[resample] * correction + unseen * random.nextGaussian();
      double wider = Math.sqrt((count - 1) / Draws.chiSquared(random, count - 1));
      double shift = 0;
      for (SeedSpread spread : seeds) {
        shift += spread.error() * Draws.studentT(random, spread.degreesOfFreedom());
      }
      ofItems[resample] = deviations.value() + items * wider;
      drawn[resample] = ofItems[resample] + shift;
    }
    return new DifferenceDistribution(deviations.value(), ofItems, drawn, seeds);
  }

  /**
   * How the contrast changes when clusters are drawn.
   *
   * @param value the contrast of all items
   * @param means by how much each draw's is larger
   * @param ofSeeds the part of these changes' mean square that differs from run to run
   */
  private record Deviations(double value, double[] means, double ofSeeds) {
    double commonShare() {
      double square = 0;
      for (double mean : means) {
        square += mean * mean;
      }
      return square == 0 ? 1 : Math.max(0, 1 - ofSeeds * means.length / square);
    }
  }

  private Deviations draw(List<Term> terms, int count) {
    RunGroups groups = new RunGroups(terms);
    double[][] whole = groups.values(Draws.each(count));
    RandomGenerator random = Draws.random(seed);
    double[] means = new double[resamples];
    double ofSeeds = 0;
    int[] counts = new int[count];
    for (int resample = 0; resample < resamples; resample++) {
      Draws.clusters(random, counts);
      double[][] changes = groups.values(counts);
      for (int group = 0; group < changes.length; group++) {
        for (int run = 0; run < changes[group].length; run++) {
          changes[group][run] -= whole[group][run];
        }
        means[resample] += StatUtils.mean(changes[group]);
        if (changes[group].length > 1) {
          ofSeeds += StatUtils.variance(changes[group]) / changes[group].length / resamples;
        }
      }
    }
    return new Deviations(Arrays.stream(whole).mapToDouble(StatUtils::mean).sum(), means, ofSeeds);
  }

  /**
   * Runs whose values vary independently of other groups' but for the items: the runs of each arm by themselves, or,
   * where all arms have as many, the contrasts of their first runs, second runs and so on, which holds whether or not
   * such runs share a seed.
   */
  private static final class RunGroups {
    private final List<Term> terms;
    private final boolean together;

    RunGroups(List<Term> terms) {
      this.terms = terms;
      this.together = terms.stream().mapToInt(term -> term.arm().runs().size()).distinct().count() == 1;
    }

    double[][] values(int[] counts) {
      double[][] values = new double[together ? 1 : terms.size()][];
      for (int number = 0; number < terms.size(); number++) {
        Term term = terms.get(number);
        int group = together ? 0 : number;
        List<ClusterSums> runs = term.arm().runs();
        if (values[group] == null) {
          values[group] = new double[runs.size()];
        }
        for (int run = 0; run < runs.size(); run++) {
          values[group][run] += term.weight() * runs.get(run).of(counts);
        }
      }
      return values;
    }
  }
}
