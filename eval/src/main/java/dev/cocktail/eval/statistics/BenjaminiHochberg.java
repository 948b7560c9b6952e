package dev.cocktail.eval.statistics;

/**
 * Benjamini's and Hochberg's correction for exploring many questions (Controlling the false discovery rate, 1995): of
 * what has an adjusted p of at most q, a share of at most q is expected to be false. That is less than {@link Holm}
 * promises; what was found so is a hint to be confirmed.
 */
public final class BenjaminiHochberg {
  private BenjaminiHochberg() {}

  /**
   * Adjusted probabilities, in the order given. Of m sorted p_(1) to p_(m), the i-th becomes the smallest over j from i
   * on of min(1, m p_(j) / j).
   */
  public static double[] adjust(double[] probabilities) {
    int[] order = Holm.ascending(probabilities);
    double[] adjusted = new double[probabilities.length];
    double smallest = 1;
    for (int rank = order.length; rank >= 1; rank--) {
      smallest = Math.min(smallest, (double) order.length / rank * probabilities[order[rank - 1]]);
      adjusted[order[rank - 1]] = smallest;
    }
    return adjusted;
  }
}
