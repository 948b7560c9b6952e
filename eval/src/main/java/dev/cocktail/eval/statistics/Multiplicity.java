package dev.cocktail.eval.statistics;

/**
 * How much was asked besides one comparison.
 *
 * @param choices from how many arms the compared one was chosen, by scores of the very runs that are compared. Their
 *     luck in training helps them in both, so that the p is multiplied by this (Bonferroni): whatever the choice went
 *     by, at most one of so many arms was to be found better by chance
 * @param family how many comparisons are judged together
 */
public record Multiplicity(int choices, int family) {
  /** Nothing was asked besides. */
  public static final Multiplicity NONE = new Multiplicity(1, 1);

  public Multiplicity {
    if (choices < 1 || family < 1) {
      throw new IllegalArgumentException(choices + " choices in a family of " + family + "; expected at least one");
    }
  }

  /** The significance that a comparison has to reach at the first step of Holm's method. */
  double strictest(double significance) {
    return significance / choices / family;
  }
}
