package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Optional;

/**
 * What makes one point of a run better than another.
 *
 * @param task whose measure it is; empty for the plain mean over all tasks that have it
 * @param measure {@code loss}, of which less is better
 */
public record BestCriterion(Optional<String> task, String measure) {
  private static final String LAST = "last";
  private static final String LOSS = "loss";
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
    if (!criterion.isLoss()) {
      throw new InvalidInputException(
          "'" + Scalars.shortened(text) + "' is nothing to choose by; expected last, mean_loss or TASK.loss");
    }
    return Optional.of(criterion);
  }

  /** Whether it is a loss, of which less is better. */
  public boolean isLoss() {
    return measure.equals(LOSS);
  }

  /** As it is written in the file. */
  @Override
  public String toString() {
    return task.map(name -> name + ".").orElse(MEAN) + measure;
  }
}
