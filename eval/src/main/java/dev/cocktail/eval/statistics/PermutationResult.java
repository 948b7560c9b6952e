package dev.cocktail.eval.statistics;

/**
 * What came of a test that rearranges what was seen.
 *
 * @param value the statistic of what was seen
 * @param probability two-sided p: the share of arrangements in which it is at least as far from none
 * @param exact whether all arrangements were looked at, not a random sample of them
 * @param arrangements how many were
 */
public record PermutationResult(double value, double probability, boolean exact, int arrangements) {
  public PermutationResult {
    Finite.require("a statistic", value);
    Finite.requireProbabilities(probability);
  }
}
