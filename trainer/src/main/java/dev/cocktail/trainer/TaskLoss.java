package dev.cocktail.trainer;

import dev.cocktail.trainer.data.LossRule;
import java.util.List;

/**
 * The loss of one task in a step or an evaluation.
 *
 * @param sum of the cross-entropy of its supervised tokens, in nats
 * @param tokens how many supervised tokens
 * @param examples how many examples
 */
public record TaskLoss(double sum, long tokens, long examples) {
  /** Nothing yet. */
  public static final TaskLoss NONE = new TaskLoss(0, 0, 0);

  /** Mean over the supervised tokens; not-a-number without any. */
  public double mean() {
    return sum / tokens;
  }

  /** The loss of all tasks together, as a rule says. */
  static double mean(LossRule rule, List<TaskLoss> tasks) {
    return rule.mean(
        tasks.stream().mapToDouble(TaskLoss::sum).toArray(), tasks.stream().mapToLong(TaskLoss::tokens).toArray());
  }

  /** Both together. */
  public TaskLoss plus(TaskLoss other) {
    return new TaskLoss(sum + other.sum, tokens + other.tokens, examples + other.examples);
  }
}
