package dev.cocktail.eval.statistics;

/**
 * What has to be fixed before results are looked at.
 *
 * @param significance how often a family of comparisons without any effect may declare one, such as 0.05
 * @param margin the smallest difference that matters, in units of the metric, such as 0.01
 * @param power how often the minimal detectable difference would be found, such as 0.8
 */
public record DecisionRule(double significance, double margin, double power) {
  public DecisionRule {
    Finite.requireShare("a significance", 2 * significance);
    Finite.requireShare("a power less 0.5", 2 * power - 1);
    if (!(margin > 0)) {
      throw new IllegalArgumentException("a margin of " + margin + "; expected more than 0");
    }
  }
}
