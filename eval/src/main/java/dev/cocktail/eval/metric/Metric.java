package dev.cocktail.eval.metric;

import dev.cocktail.eval.statistics.SumStatistic;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * How well a task was done, as one number of outcomes. An answer that could not be read is wrong in all of them. None
 * has a value when there are no items.
 *
 * <p>The label metrics follow scikit-learn's defaults, with answers that could not be read given to it as a label that
 * no item has: {@code balanced_accuracy_score}, {@code f1_score} with {@code zero_division=0} and the labels restricted
 * to real ones, {@code matthews_corrcoef}. {@link Confusion} has the formulas.
 */
public enum Metric {
  /** The share of items whose label was read: right / n. Between 0 and 1. */
  ACCURACY(Form.LABELS, Metric::shareRight),
  /**
   * The mean of the labels' recalls, over labels that some item has; guessing gives 1 / (number of labels) on any
   * distribution. With one label only it is that label's recall. Between 0 and 1.
   */
  BALANCED_ACCURACY(Form.LABELS, outcomes -> Confusion.statistic(outcomes, Confusion::balancedAccuracy)),
  /**
   * The mean of the labels' F1, over labels that occur as right answer or as answer; one that is answered and never
   * right counts with 0, one that never occurs does not count. Between 0 and 1.
   */
  MACRO_F1(Form.LABELS, outcomes -> Confusion.statistic(outcomes, Confusion::macroF1)),
  /** The mean of the labels' F1, each weighted with its share of the right answers. Between 0 and 1. */
  WEIGHTED_F1(Form.LABELS, outcomes -> Confusion.statistic(outcomes, Confusion::weightedF1)),
  /**
   * Matthews' correlation for any number of classes (J. Gorodkin, Comparing two K-category assignments by a K-category
   * correlation coefficient, 2004). 1 is perfect, 0 as good as chance; 0 also where it has no value because all right
   * answers, or all answers, are the same.
   */
  MATTHEWS_CORRELATION(Form.LABELS, outcomes -> Confusion.statistic(outcomes, Confusion::matthewsCorrelation)),
  /** The share of items whose answer is the expected text. Between 0 and 1. */
  EXACT_MATCH(Form.TEXT, Metric::shareRight),
  /**
   * The items' mean {@link Outcome#tokenProbability}, that is the inverse of each right answer's perplexity: for
   * answers that nobody would give in just those words, such as those of general instructions. What has none counts as
   * 0. Between 0 and 1.
   */
  TOKEN_PROBABILITY(Form.TEXT, Metric::meanProbability),
  /** The share of items whose answer is the expected number. Between 0 and 1. */
  NUMERIC_MATCH(Form.NUMBER, Metric::shareRight);

  /** The form of answers that a metric is for. */
  public enum Form {
    LABELS,
    TEXT,
    NUMBER
  }

  private final Form form;
  private final Function<List<Outcome>, SumStatistic> statistic;

  Metric(Form form, Function<List<Outcome>, SumStatistic> statistic) {
    this.form = form;
    this.statistic = statistic;
  }

  /** The name in files and options, such as {@code macro_f1}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The form of answers that this metric is for. */
  public Form form() {
    return form;
  }

  /**
   * The metric of a name.
   *
   * @throws InvalidInputException when there is none
   */
  public static Metric of(String name) {
    List<String> names = Arrays.stream(values()).map(Metric::label).toList();
    int index = names.indexOf(name.strip().toLowerCase(Locale.ROOT));
    if (index < 0) {
      throw new InvalidInputException(
          "there is no metric '"
              + name
              + "'"
              + NearestName.hint(name, names)
              + "; expected one of "
              + String.join(", ", names));
    }
    return values()[index];
  }

  /** The value; empty when there are no outcomes. */
  public OptionalDouble of(List<Outcome> outcomes) {
    if (outcomes.isEmpty()) {
      return OptionalDouble.empty();
    }
    SumStatistic formula = statistic(outcomes);
    double[] sums = new double[formula.width()];
    for (int item = 0; item < outcomes.size(); item++) {
      formula.add(item, sums, 0);
    }
    return OptionalDouble.of(formula.of(sums));
  }

  /** The metric of any of these outcomes, which are its items, in order. */
  public SumStatistic statistic(List<Outcome> outcomes) {
    return statistic.apply(outcomes);
  }

  /**
   * The metric of any of several runs' outcomes, each of which are the same items, in order. All follow from sums of
   * the same meaning, so that runs can exchange what some of their items add.
   */
  public List<SumStatistic> statistics(List<List<Outcome>> runs) {
    SumStatistic all = statistic(runs.stream().flatMap(List::stream).toList());
    List<SumStatistic> statistics = new ArrayList<>();
    int first = 0;
    for (List<Outcome> run : runs) {
      statistics.add(new Part(all, first));
      first += run.size();
    }
    return statistics;
  }

  /** The share of answers that could not be read; empty when there are no outcomes. */
  public static OptionalDouble unreadable(List<Outcome> outcomes) {
    return outcomes.stream().mapToInt(outcome -> outcome.read().isEmpty() ? 1 : 0).average();
  }

  /** A statistic of items that begin at the first of a part. */
  private record Part(SumStatistic whole, int first) implements SumStatistic {
    @Override
    public int width() {
      return whole.width();
    }

    @Override
    public void add(int item, double[] sums, int at) {
      whole.add(first + item, sums, at);
    }

    @Override
    public double of(double[] sums) {
      return whole.of(sums);
    }
  }

  private static SumStatistic shareRight(List<Outcome> outcomes) {
    return new Mean(outcomes, outcome -> outcome.right() ? 1 : 0);
  }

  private static SumStatistic meanProbability(List<Outcome> outcomes) {
    return new Mean(outcomes, outcome -> Double.isNaN(outcome.tokenProbability()) ? 0 : outcome.tokenProbability());
  }

  /** The mean of a number of each item. */
  private record Mean(List<Outcome> outcomes, ToDoubleFunction<Outcome> number) implements SumStatistic {
    @Override
    public int width() {
      return 2;
    }

    @Override
    public void add(int item, double[] sums, int at) {
      sums[at] += number.applyAsDouble(outcomes.get(item));
      sums[at + 1]++;
    }

    @Override
    public double of(double[] sums) {
      return sums[0] / sums[1];
    }
  }
}
