package dev.cocktail.eval.statistics;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Holm's correction for several questions that are asked at once (S. Holm, A simple sequentially rejective multiple
 * test procedure, 1979): the chance that any true null hypothesis among them is rejected stays below the level.
 */
public final class Holm {
  private Holm() {}

  /**
   * Adjusted probabilities, in the order given. Of m sorted p_(1) to p_(m), the i-th becomes the largest over j up to i
   * of min(1, (m - j + 1) p_(j)).
   */
  public static double[] adjust(double[] probabilities) {
    int[] order = ascending(probabilities);
    double[] adjusted = new double[probabilities.length];
    double largest = 0;
    for (int rank = 0; rank < order.length; rank++) {
      largest = Math.max(largest, Math.min(1, (order.length - rank) * probabilities[order[rank]]));
      adjusted[order[rank]] = largest;
    }
    return adjusted;
  }

  /** The places of probabilities, from the smallest to the largest. */
  static int[] ascending(double[] probabilities) {
    Finite.requireProbabilities(probabilities);
    return IntStream.range(0, probabilities.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> probabilities[i]))
        .mapToInt(Integer::intValue)
        .toArray();
  }
}
