package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.List;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.apache.commons.math3.distribution.RealDistribution;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.StatUtils;

/**
 * A difference and how it comes out over many draws: what interval, probability and equivalence follow from, all from
 * the same draws.
 *
 * <p><b>Tails.</b> A family of many questions asks for probabilities that few draws or none have. Where fewer than
 * {@value #ENOUGH} draws lie beyond a bound, what seeds do is not drawn but summed: the mean, over the draws of items,
 * of the probability by Student's t that seeds carry them beyond the bound. It is no less than what a normal spread of
 * the items, as wide as their draws, has beyond the bound together with seeds, since of items so few draws know the
 * tails only as far as that.
 */
public final class DifferenceDistribution {
  private static final NormalDistribution NORMAL = new NormalDistribution();

  /** So many draws tell a probability to a fifth of itself. */
  private static final int ENOUGH = 25;

  /** A normal distribution is summed at so many places, from -8 to 8 deviations. */
  private static final int PLACES = 161;

  private final double value;
  private final double[] sorted;
  private final double[] ofItems;
  private final List<SeedSpread> seeds;
  private final double deviationOfItems;

  /**
   * A distribution.
   *
   * @param ofItems how the difference came out by items alone, draw by draw
   * @param drawn the same with what seeds do
   * @param seeds what they do; empty where the difference is about the runs that there are
   */
  DifferenceDistribution(double value, double[] ofItems, double[] drawn, List<SeedSpread> seeds) {
    Finite.require("a difference", value);
    Finite.require("a difference in a draw", drawn);
    this.value = value;
    this.sorted = drawn.clone();
    this.ofItems = ofItems.clone();
    this.seeds = List.copyOf(seeds);
    this.deviationOfItems = ofItems.length < 2 ? 0 : Math.sqrt(StatUtils.variance(ofItems));
    Arrays.sort(sorted);
  }

  /** The difference itself. */
  public double value() {
    return value;
  }

  /**
   * Whether it speaks of what training with any seed would give. If not, it speaks of the models that were trained, and
   * another seed may turn it round.
   */
  public boolean coversSeeds() {
    return !seeds.isEmpty();
  }

  /** The percentile interval: the quantiles (1 - level) / 2 and (1 + level) / 2 of the draws. */
  public Interval interval(double level) {
    return between(sorted, level);
  }

  /**
   * Two-sided p. With B draws, of which n are at most 0 and m at least 0, it is min(1, 2 min(n + 1, m + 1) / (B + 1)),
   * 1 where there is no difference in any draw; where n or m are few, see above.
   */
  public double probability() {
    return Math.min(1, 2 * Math.min(atMost(0), atLeast(0)));
  }

  /** The difference with its interval and two-sided p. */
  public PairedDifference at(double level) {
    return new PairedDifference(value, interval(level), probability());
  }

  /**
   * Whether the difference is too small to matter, by two one-sided tests (D. J. Schuirmann, A comparison of the two
   * one-sided tests procedure and the power approach, 1987).
   *
   * @param margin the smallest difference that matters, fixed before anything was seen
   * @param significance the level of each test, such as 0.05; the interval's level is 1 - 2 significance, thus 0.9
   */
  public Equivalence equivalence(double margin, double significance) {
    Finite.requireShare("a significance", 2 * significance);
    if (!(margin > 0)) {
      throw new IllegalArgumentException("a margin of " + margin + "; expected more than 0");
    }
    double probability = Math.min(1, Math.max(atLeast(margin), atMost(-margin)));
    return new Equivalence(margin, interval(1 - 2 * significance), probability);
  }

  /**
   * The smallest true difference that would be found, given how far items and seeds spread: the quantile 1 -
   * significance / 2, which a difference has to exceed, and beyond it the quantile {@code power}, which it does in such
   * a share of all repetitions. The quantile of the sum of a normal spread of items and Student's t of seeds is taken
   * for the root of the sum of their squared quantiles (W. G. Cochran's approximation of Behrens and Fisher's
   * distribution has the same ends). With items alone, of deviation s, it is {@link Power#multiplier} s, 2.8 s for 0.05
   * and 0.8.
   */
  public double minimalDifference(double significance, double power) {
    Finite.requireShare("a significance", significance);
    Finite.requireShare("a power less 0.5", 2 * power - 1);
    return spread(1 - significance / 2) + spread(power);
  }

  private double spread(double q) {
    double ofItems = deviationOfItems * NORMAL.inverseCumulativeProbability(q);
    double squares = ofItems * ofItems;
    for (SeedSpread spread : seeds) {
      double one = spread.error() * student(spread).inverseCumulativeProbability(q);
      squares += one * one;
    }
    return Math.sqrt(squares);
  }

  private static RealDistribution student(SeedSpread spread) {
    return new TDistribution(null, spread.degreesOfFreedom());
  }

  private double atMost(double bound) {
    long beyond = Arrays.stream(sorted).filter(drawn -> drawn <= bound).count();
    return tail(beyond, bound, -1);
  }

  private double atLeast(double bound) {
    long beyond = Arrays.stream(sorted).filter(drawn -> drawn >= bound).count();
    return tail(beyond, bound, 1);
  }

  /**
   * The probability beyond a bound.
   *
   * @param beyond how many draws are there
   * @param side 1 above, -1 below
   */
  private double tail(long beyond, double bound, int side) {
    double counted = (beyond + 1.0) / (sorted.length + 1);
    boolean seedsMatter = seeds.stream().anyMatch(spread -> spread.error() > 0);
    boolean variesByRounding = deviationOfItems <= 1e-12 * Math.abs(value);
    if (beyond >= ENOUGH || seeds.size() > 1 || !seedsMatter && variesByRounding) {
      return counted;
    }
    if (!seedsMatter) {
      double smooth = NORMAL.cumulativeProbability(side * (value - bound) / deviationOfItems);
      return Math.min(counted, Math.max(smooth, (double) beyond / sorted.length));
    }
    double error = seeds.getFirst().error();
    RealDistribution student = student(seeds.getFirst());
    double summed =
        Arrays.stream(ofItems).map(item -> student.cumulativeProbability(side * (item - bound) / error)).sum();
    double weights = 0;
    double normal = 0;
    for (int place = 0; place < PLACES; place++) {
      double z = 16.0 * place / (PLACES - 1) - 8;
      double weight = NORMAL.density(z);
      weights += weight;
      normal += weight * student.cumulativeProbability(side * (value + z * deviationOfItems - bound) / error);
    }
    return Math.max(summed / ofItems.length, normal / weights);
  }

  /**
   * The quantile q of n sorted values: at the place q (n + 1), counted from 1, between two values on the line that
   * joins them, and at the ends the first or last value (definition 6 of R. J. Hyndman and Y. Fan, Sample quantiles in
   * statistical packages, 1996). So an interval holds a share of draws that does not shrink where there are few, and
   * leaves 0 out where p is below 1 - level.
   */
  static double quantile(double[] sorted, double q) {
    double place = Math.clamp(q * (sorted.length + 1) - 1, 0, sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }

  /** The percentile interval of drawn values, in any order. */
  static Interval percentiles(double[] drawn, double level) {
    double[] sorted = drawn.clone();
    Arrays.sort(sorted);
    return between(sorted, level);
  }

  private static Interval between(double[] sorted, double level) {
    return new Interval(quantile(sorted, (1 - level) / 2), quantile(sorted, (1 + level) / 2), level);
  }
}
