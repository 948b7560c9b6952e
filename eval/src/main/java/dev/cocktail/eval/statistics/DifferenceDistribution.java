package dev.cocktail.eval.statistics;

import java.util.Arrays;

/**
 * A difference and how it comes out over many draws: what interval, probability, equivalence and power follow from, all
 * from the same draws, so that they never contradict each other.
 */
public final class DifferenceDistribution {
  private final double value;
  private final double[] sorted;
  private final boolean coversSeeds;

  DifferenceDistribution(double value, double[] drawn, boolean coversSeeds) {
    Finite.require("a difference", value);
    Finite.require("a difference in a draw", drawn);
    this.value = value;
    this.sorted = drawn.clone();
    this.coversSeeds = coversSeeds;
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
    return coversSeeds;
  }

  /** The percentile interval: the quantiles (1 - level) / 2 and (1 + level) / 2 of the draws. */
  public Interval interval(double level) {
    return between(sorted, level);
  }

  /**
   * Two-sided p. With B draws, of which n are at most 0 and m at least 0, it is min(1, 2 min(n + 1, m + 1) / (B + 1)):
   * never 0, and 1 where there is no difference in any draw.
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
   * The smallest true difference that would be found, given how far the draws spread: half the interval of level 1 -
   * significance, which a difference has to exceed, and beyond it half that of level 2 power - 1, which it does in a
   * share of {@code power} of all repetitions. For a normal spread of deviation s it is {@link Power#multiplier} s, 2.8
   * s for 0.05 and 0.8.
   */
  public double minimalDifference(double significance, double power) {
    Finite.requireShare("a significance", significance);
    Finite.requireShare("a power less 0.5", 2 * power - 1);
    return halfLength(1 - significance) + halfLength(2 * power - 1);
  }

  private double halfLength(double level) {
    Interval interval = interval(level);
    return (interval.high() - interval.low()) / 2;
  }

  private double atMost(double bound) {
    return (Arrays.stream(sorted).filter(drawn -> drawn <= bound).count() + 1.0) / (sorted.length + 1);
  }

  private double atLeast(double bound) {
    return (Arrays.stream(sorted).filter(drawn -> drawn >= bound).count() + 1.0) / (sorted.length + 1);
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
