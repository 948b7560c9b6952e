package dev.cocktail.eval.statistics;

import java.util.List;
import java.util.OptionalDouble;

/**
 * An arm over all its targets. It hides which targets were harmed, so that the worst stands beside it.
 *
 * @param relativeChange Delta_m, in percent: (100 / K) sum over the K targets of sign (M_arm - M_reference) /
 *     M_reference, where sign is -1 for scores of which smaller ones are better (K.-K. Maninis, I. Radosavovic and I.
 *     Kokkinos, Attentive single-tasking of multiple tasks, 2019); none where a reference is not more than 0, as a
 *     correlation's may be
 * @param improved targets whose interval lies above 0
 * @param harmed targets whose interval lies below 0
 * @param worst the place of the target that lost most, or won least
 * @param worstChange by how much, in units of its score; positive where even that one won
 */
public record Aggregate(OptionalDouble relativeChange, int improved, int harmed, int worst, double worstChange) {
  /**
   * A target.
   *
   * @param arm the arm's score
   * @param reference what it is compared with
   * @param largerIsBetter whether larger scores are better
   * @param difference where the true arm - reference may lie
   */
  public record Target(double arm, double reference, boolean largerIsBetter, Interval difference) {
    double gain() {
      return largerIsBetter ? arm - reference : reference - arm;
    }
  }

  /**
   * Sums up.
   *
   * @throws IllegalArgumentException when there is no target, or a score is no finite number
   */
  public static Aggregate of(List<Target> targets) {
    if (targets.isEmpty()) {
      throw new IllegalArgumentException("no targets to sum up");
    }
    double sum = 0;
    boolean relative = true;
    int improved = 0;
    int harmed = 0;
    int worst = 0;
    for (int i = 0; i < targets.size(); i++) {
      Target target = targets.get(i);
      Finite.require("a score", target.arm(), target.reference());
      relative &= target.reference() > 0;
      sum += target.gain() / target.reference();
      boolean above = target.difference().low() > 0;
      boolean below = target.difference().high() < 0;
      improved += (target.largerIsBetter() ? above : below) ? 1 : 0;
      harmed += (target.largerIsBetter() ? below : above) ? 1 : 0;
      worst = target.gain() < targets.get(worst).gain() ? i : worst;
    }
    OptionalDouble change = relative ? OptionalDouble.of(100 * sum / targets.size()) : OptionalDouble.empty();
    return new Aggregate(change, improved, harmed, worst, targets.get(worst).gain());
  }

  /**
   * Each arm's mean rank over targets, 1 being the best; equal scores share the mean of their ranks.
   *
   * @param scores for each target the arms' scores, larger ones being better
   */
  public static double[] meanRanks(double[][] scores) {
    if (scores.length == 0) {
      throw new IllegalArgumentException("no targets to rank on");
    }
    double[] means = new double[scores[0].length];
    for (double[] target : scores) {
      if (target.length != means.length) {
        throw new IllegalArgumentException("scores of " + target.length + " and " + means.length + " arms");
      }
      double[] ranks = RankCorrelation.ranks(target);
      for (int arm = 0; arm < means.length; arm++) {
        means[arm] += (target.length + 1 - ranks[arm]) / scores.length;
      }
    }
    return means;
  }
}
