package dev.cocktail.eval.statistics;

import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * Whether two models differ in how many items they get right (Q. McNemar, Note on the sampling error of the difference
 * between correlated proportions or percentages, 1947), exactly. For items that are independent; {@link SignFlip} gives
 * the same for those, and holds for clusters too.
 */
public final class McNemar {
  private McNemar() {}

  /**
   * Two-sided p: with b and c the counts, min(1, 2 sum over i up to min(b, c) of C(b + c, i) / 2^(b + c)); 1 where no
   * item tells them apart.
   *
   * @param firstOnly items that only the first model got right
   * @param secondOnly items that only the second got right
   */
  public static double probability(int firstOnly, int secondOnly) {
    if (firstOnly < 0 || secondOnly < 0) {
      throw new IllegalArgumentException("counts of " + firstOnly + " and " + secondOnly + " items");
    }
    // Not the library's BinomialTest: it compares rounded probabilities for equality.
    BinomialDistribution even = new BinomialDistribution(firstOnly + secondOnly, 0.5);
    return Math.min(1, 2 * even.cumulativeProbability(Math.min(firstOnly, secondOnly)));
  }
}
