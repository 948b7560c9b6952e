package dev.cocktail.trainer.config;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import java.util.Arrays;
import java.util.Optional;

/**
 * What makes one point of a run better than another.
 *
 * @param task whose measure it is; empty for the plain mean over all tasks that have it
 * @param measure {@code loss}, of which less is better; a metric, read strictly, of which more is better; or {@code
 *     metric} for each task's own
 */
public record BestCriterion(Optional<String> task, String measure) {
  private static final String LAST = "last";
  private static final String LOSS = "loss";
  private static final String OWN = "metric";
  private static final String MEAN = "mean_";

  /**
   * Reads such as {@code mean_loss}, {@code news.loss} or {@code last}.
   *
   * @return empty for {@code last}
   * @throws InvalidInputException saying what was expected
   */
  static Optional<BestCriterion> parse(String text) {
    if (text.equals(LAST)) {
      return Optional.empty();
    }
    int dot = text.lastIndexOf('.');
    BestCriterion criterion =
        dot > 0
            ? new BestCriterion(Optional.of(text.substring(0, dot)), text.substring(dot + 1))
            : new BestCriterion(Optional.empty(), text.startsWith(MEAN) ? text.substring(MEAN.length()) : "");
    if (!criterion.isLoss() && !criterion.isOwnMetric() && criterion.metric().isEmpty()) {
      throw new InvalidInputException(
          "'"
              + Scalars.shortened(text)
              + "' is nothing to choose by; expected last, mean_loss, mean_metric, mean_METRIC, TASK.loss or"
              + " TASK.METRIC, where METRIC is one of "
              + String.join(", ", Arrays.stream(Metric.values()).map(Metric::label).toList()));
    }
    return Optional.of(criterion);
  }

  /** Whether it is a loss, of which less is better. */
  public boolean isLoss() {
    return measure.equals(LOSS);
  }

  /** Whether it is the mean of each task's own metric. */
  public boolean isOwnMetric() {
    return task.isEmpty() && measure.equals(OWN);
  }

  /** The metric that is named; empty where it is the loss, or each task's own. */
  public Optional<Metric> metric() {
    return Arrays.stream(Metric.values()).filter(metric -> metric.label().equals(measure)).findFirst();
  }

  /** Whether a task is measured by this; all metrics of its own metric's form are. */
  boolean isMeasuredOn(TaskSection section) {
    boolean fits =
        isLoss()
            || section.metric().isPresent()
                && metric().map(metric -> metric.form() == section.metric().get().form()).orElse(true);
    return section.validation().isPresent() && task.map(section.name()::equals).orElse(true) && fits;
  }

  /** As it is written in the file. */
  @Override
  public String toString() {
    return task.map(name -> name + ".").orElse(MEAN) + measure;
  }
}
