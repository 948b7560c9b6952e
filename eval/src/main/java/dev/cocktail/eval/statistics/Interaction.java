package dev.cocktail.eval.statistics;

import dev.cocktail.eval.statistics.TwoLevelBootstrap.Term;
import java.util.List;

/**
 * What two additions do together beyond what each does alone: I = M(t, i, j) - M(t, i) - M(t, j) + M(t), with M(t, i)
 * the target's score after training on the target t and the addition i. Above 0 they help each other, below they get in
 * each other's way.
 */
public final class Interaction {
  private Interaction() {}

  /** The interaction of four scores. */
  public static double of(double both, double first, double second, double neither) {
    Finite.require("a score", both, first, second, neither);
    return both - first - second + neither;
  }

  /** The four arms as a contrast of {@link TwoLevelBootstrap}, which gives the interaction's interval. */
  public static List<Term> terms(ArmRuns both, ArmRuns first, ArmRuns second, ArmRuns neither) {
    return List.of(new Term(1, both), new Term(-1, first), new Term(-1, second), new Term(1, neither));
  }
}
