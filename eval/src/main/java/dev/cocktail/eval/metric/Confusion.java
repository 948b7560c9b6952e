package dev.cocktail.eval.metric;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Counts of labels, from which all label metrics follow. With n items, and for class k: t_k items whose gold label is
 * k, p_k items read as k, c_k items that are both.
 *
 * <p>A class is every label that occurs, as gold or as read. Answers that could not be read are no class of their own:
 * they are missing from the c_k of their gold label, and are counted apart.
 */
final class Confusion {
  private final List<String> classes;
  private final Map<String, long[]> counts = new TreeMap<>();
  private final long items;
  private final long unreadable;

  private static final int GOLD = 0;
  private static final int READ = 1;
  private static final int BOTH = 2;

  Confusion(List<Outcome> outcomes) {
    long missing = 0;
    for (Outcome outcome : outcomes) {
      count(outcome.gold(), GOLD);
      if (outcome.read().isEmpty()) {
        missing++;
        continue;
      }
      count(outcome.read().get(), READ);
      if (outcome.read().get().equals(outcome.gold())) {
        count(outcome.gold(), BOTH);
      }
    }
    this.items = outcomes.size();
    this.unreadable = missing;
    this.classes = new ArrayList<>(new TreeSet<>(counts.keySet()));
  }

  private void count(String label, int what) {
    counts.computeIfAbsent(label, _ -> new long[3])[what]++;
  }

  /** The mean, over classes that are some item's gold label, of recall c_k / t_k. */
  double balancedAccuracy() {
    return classes.stream()
        .map(counts::get)
        .filter(count -> count[GOLD] > 0)
        .mapToDouble(count -> (double) count[BOTH] / count[GOLD])
        .average()
        .orElse(Double.NaN);
  }

  /** The mean over all classes of F1. */
  double macroF1() {
    return classes.stream().mapToDouble(this::f1).average().orElse(Double.NaN);
  }

  /** The mean of F1 weighted with t_k / n. */
  double weightedF1() {
    return classes.stream().mapToDouble(label -> f1(label) * counts.get(label)[GOLD]).sum() / items;
  }

  /** F1 = 2 c_k / (t_k + p_k), the harmonic mean of precision and recall. A class occurs, so it is never 0 / 0. */
  private double f1(String label) {
    long[] count = counts.get(label);
    return 2.0 * count[BOTH] / (count[GOLD] + count[READ]);
  }

  /**
   * R_K = (c n - sum_k p_k t_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2)), with c = sum_k c_k. Answers that could
   * not be read are here one more class of answers, which is never gold: they belong to the n items.
   */
  double matthewsCorrelation() {
    double n = items;
    double right = 0;
    double agreement = 0;
    double readSquares = (double) unreadable * unreadable;
    double goldSquares = 0;
    for (long[] count : counts.values()) {
      right += count[BOTH];
      agreement += (double) count[READ] * count[GOLD];
      readSquares += (double) count[READ] * count[READ];
      goldSquares += (double) count[GOLD] * count[GOLD];
    }
    double denominator = Math.sqrt((n * n - readSquares) * (n * n - goldSquares));
    return denominator == 0 ? 0 : (right * n - agreement) / denominator;
  }
}
