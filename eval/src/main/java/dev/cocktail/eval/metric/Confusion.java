package dev.cocktail.eval.metric;

import dev.cocktail.eval.statistics.SumStatistic;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/**
 * Counts of labels, from which all label metrics follow. With n items, and for class k: t_k items whose gold label is
 * k, p_k items read as k, c_k items that are both.
 *
 * <p>A class is every label that occurs, as gold or as read. Answers that could not be read are no class of their own:
 * they are missing from the c_k of their gold label, and are counted apart.
 *
 * @param sums items, and those that could not be read; then, for each label, {@link #GOLD}, {@link #READ} and {@link
 *     #BOTH}
 */
record Confusion(double[] sums) {
  private static final int ITEMS = 0;
  private static final int UNREADABLE = 1;
  private static final int LABELS = 2;

  private static final int GOLD = 0;
  private static final int READ = 1;
  private static final int BOTH = 2;
  private static final int COLUMNS = 3;

  /** A metric of outcomes as a statistic of such counts. */
  static SumStatistic statistic(List<Outcome> outcomes, ToDoubleFunction<Confusion> metric) {
    TreeSet<String> sorted = new TreeSet<>();
    for (Outcome outcome : outcomes) {
      sorted.add(outcome.gold());
      outcome.read().ifPresent(sorted::add);
    }
    List<String> labels = new ArrayList<>(sorted);
    int[] golds = new int[outcomes.size()];
    int[] reads = new int[outcomes.size()];
    for (int item = 0; item < golds.length; item++) {
      Outcome outcome = outcomes.get(item);
      golds[item] = Collections.binarySearch(labels, outcome.gold());
      reads[item] = outcome.read().map(label -> Collections.binarySearch(labels, label)).orElse(-1);
    }
    return new SumStatistic() {
      @Override
      public int width() {
        return LABELS + COLUMNS * labels.size();
      }

      @Override
      public void add(int item, double[] sums, int at) {
        int first = at + LABELS;
        sums[at + ITEMS]++;
        sums[at + UNREADABLE] += reads[item] < 0 ? 1 : 0;
        sums[first + COLUMNS * golds[item] + GOLD]++;
        if (reads[item] >= 0) {
          sums[first + COLUMNS * reads[item] + READ]++;
          sums[first + COLUMNS * golds[item] + BOTH] += reads[item] == golds[item] ? 1 : 0;
        }
      }

      @Override
      public double of(double[] sums) {
        return metric.applyAsDouble(new Confusion(sums));
      }
    };
  }

  /** The mean, over classes that are some item's gold label, of recall c_k / t_k. */
  double balancedAccuracy() {
    double sum = 0;
    int classes = 0;
    for (int at = LABELS; at < sums.length; at += COLUMNS) {
      if (sums[at + GOLD] > 0) {
        sum += sums[at + BOTH] / sums[at + GOLD];
        classes++;
      }
    }
    return sum / classes;
  }

  /** The mean over all classes of F1. */
  double macroF1() {
    double sum = 0;
    int classes = 0;
    for (int at = LABELS; at < sums.length; at += COLUMNS) {
      if (occurs(at)) {
        sum += f1(at);
        classes++;
      }
    }
    return sum / classes;
  }

  /** The mean of F1 weighted with t_k / n. */
  double weightedF1() {
    double sum = 0;
    for (int at = LABELS; at < sums.length; at += COLUMNS) {
      sum += occurs(at) ? f1(at) * sums[at + GOLD] : 0;
    }
    return sum / sums[ITEMS];
  }

  /** Whether a label is a class of these items. */
  private boolean occurs(int at) {
    return sums[at + GOLD] + sums[at + READ] > 0;
  }

  /** F1 = 2 c_k / (t_k + p_k), the harmonic mean of precision and recall. A class occurs, so it is never 0 / 0. */
  private double f1(int at) {
    return 2 * sums[at + BOTH] / (sums[at + GOLD] + sums[at + READ]);
  }

  /**
   * R_K = (c n - sum_k p_k t_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2)), with c = sum_k c_k. Answers that could
   * not be read are here one more class of answers, which is never gold: they belong to the n items.
   */
  double matthewsCorrelation() {
    double n = sums[ITEMS];
    double right = 0;
    double agreement = 0;
    double readSquares = sums[UNREADABLE] * sums[UNREADABLE];
    double goldSquares = 0;
    for (int at = LABELS; at < sums.length; at += COLUMNS) {
      right += sums[at + BOTH];
      agreement += sums[at + READ] * sums[at + GOLD];
      readSquares += sums[at + READ] * sums[at + READ];
      goldSquares += sums[at + GOLD] * sums[at + GOLD];
    }
    double denominator = Math.sqrt((n * n - readSquares) * (n * n - goldSquares));
    return denominator == 0 ? 0 : (right * n - agreement) / denominator;
  }
}
