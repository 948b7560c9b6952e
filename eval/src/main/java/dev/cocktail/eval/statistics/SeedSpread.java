package dev.cocktail.eval.statistics;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.stat.StatUtils;

/**
 * By how much a difference between arms varies because of their runs' seeds.
 *
 * <p>There are several ways to know it from few runs. With three seeds an arm, of a hundred clusters, 95 % intervals of
 * {@link TwoLevelBootstrap} missed the truth in so many of a hundred of 2,000 simulated studies, of six arms, whose
 * seeds' deviations were (a) all equal, (b) in both compared arms twice, and (c) in one of them three times that of all
 * others; and t is how many standard errors p = 0.05 and p = 0.002 take:
 *
 * <pre>
 *                               (a)    (b)    (c)     t
 * paired                        4.3    5.6    5.0     4.3, 22
 * separate                      1.0    1.0    1.9     4.3, 22, twice
 * pooled over the two           4.2    4.4    7.0     2.8, 7.2
 * pooled over all six           5.2   13.1   16.0     2.2, 3.9
 * </pre>
 *
 * <p>So {@link #paired} and {@link #separate} always hold what they promise, and find little. {@link #pooled} over the
 * two arms, Student's test of two samples, is hardly shaken by unequal spreads, for arms of as many runs. Over all arms
 * it finds most, and is right only where it may be taken for granted that seeds matter alike in all of them.
 *
 * @param error the standard error that seeds give to the difference of the arms' means over their runs
 * @param degreesOfFreedom how well that is known
 */
public record SeedSpread(double error, double degreesOfFreedom) {
  public SeedSpread {
    if (!(error >= 0) || !(degreesOfFreedom >= 1)) {
      throw new IllegalArgumentException(
          "a standard error of " + error + " with " + degreesOfFreedom + " degrees of freedom");
    }
  }

  /**
   * Where the n-th run of one arm and the n-th of the other share their seed: sd / sqrt(S) of the runs' differences,
   * with S - 1 degrees of freedom. None for one run.
   *
   * @throws IllegalArgumentException when the arms differ in their number of runs
   */
  public static List<SeedSpread> paired(ArmRuns first, ArmRuns second) {
    double[] ones = first.values();
    double[] others = second.values();
    if (ones.length != others.length) {
      throw new IllegalArgumentException(
          "arms of " + ones.length + " and " + others.length + " runs; pairs need as many of each");
    }
    if (ones.length == 1) {
      return List.of();
    }
    for (int run = 0; run < ones.length; run++) {
      ones[run] -= others[run];
    }
    return List.of(new SeedSpread(Math.sqrt(StatUtils.variance(ones) / ones.length), ones.length - 1));
  }

  /**
   * Where seeds are not shared: sd / sqrt(S) of either arm's runs, each with its S - 1 degrees of freedom. None where
   * an arm has one run, because then nothing tells how far its seeds spread.
   */
  public static List<SeedSpread> separate(ArmRuns first, ArmRuns second) {
    List<SeedSpread> spreads = new ArrayList<>();
    for (ArmRuns arm : List.of(first, second)) {
      double[] values = arm.values();
      if (values.length == 1) {
        return List.of();
      }
      spreads.add(new SeedSpread(Math.sqrt(StatUtils.variance(values) / values.length), values.length - 1));
    }
    return spreads;
  }

  /**
   * Where seeds are not shared, and may spread differently in the two arms: with v_1 and v_2 the variances within them,
   * it is sqrt(v_1 / S_1 + v_2 / S_2), with the degrees of freedom of B. L. Welch (The generalization of Student's
   * problem when several different population variances are involved, 1947), (a + b)^2 / (a^2 / (S_1 - 1) + b^2 / (S_2
   * - 1)) with a and b the two terms. None where an arm has one run.
   */
  public static List<SeedSpread> welch(ArmRuns first, ArmRuns second) {
    double[] ones = first.values();
    double[] others = second.values();
    if (ones.length == 1 || others.length == 1) {
      return List.of();
    }
    double one = StatUtils.variance(ones) / ones.length;
    double other = StatUtils.variance(others) / others.length;
    double squares = one * one / (ones.length - 1) + other * other / (others.length - 1);
    int most = ones.length + others.length - 2;
    double degreesOfFreedom = squares == 0 ? most : Math.min(most, (one + other) * (one + other) / squares);
    return List.of(new SeedSpread(Math.sqrt(one + other), Math.max(1, degreesOfFreedom)));
  }

  /**
   * Where seeds are not shared, and spread about equally in some arms: with v the mean variance within these arms,
   * weighted with their S - 1, it is sqrt(v / S_first + v / S_second), with as many degrees of freedom as these arms
   * have together. None where none of them has several runs. An arm of one run borrows the others' spread. Where seeds
   * are shared after all and matter alike to both arms, the true spread is smaller.
   *
   * @param all the arms whose spread is taken: the two alone, or more that answered these items; none may be named
   *     twice
   */
  public static List<SeedSpread> pooled(ArmRuns first, ArmRuns second, List<ArmRuns> all) {
    double squares = 0;
    int degreesOfFreedom = 0;
    for (ArmRuns arm : all) {
      double[] values = arm.values();
      if (values.length > 1) {
        squares += StatUtils.variance(values) * (values.length - 1);
        degreesOfFreedom += values.length - 1;
      }
    }
    if (degreesOfFreedom == 0) {
      return List.of();
    }
    double inverse = 1.0 / first.runs().size() + 1.0 / second.runs().size();
    return List.of(new SeedSpread(Math.sqrt(squares / degreesOfFreedom * inverse), degreesOfFreedom));
  }

  /**
   * Of a sum of several arms with weights, whose seeds spread about equally: with v the mean variance within arms,
   * weighted with their S - 1, it is sqrt(v sum over arms of weight^2 / S). None where no arm has several runs. Of two
   * arms with weights 1 and -1 it is {@link #pooled}.
   *
   * @param terms the arms; none may be named twice
   */
  public static List<SeedSpread> ofContrast(List<TwoLevelBootstrap.Term> terms) {
    double squares = 0;
    double weights = 0;
    int degreesOfFreedom = 0;
    for (TwoLevelBootstrap.Term term : terms) {
      double[] values = term.arm().values();
      weights += term.weight() * term.weight() / values.length;
      if (values.length > 1) {
        squares += StatUtils.variance(values) * (values.length - 1);
        degreesOfFreedom += values.length - 1;
      }
    }
    return degreesOfFreedom == 0
        ? List.of()
        : List.of(new SeedSpread(Math.sqrt(squares / degreesOfFreedom * weights), degreesOfFreedom));
  }
}
