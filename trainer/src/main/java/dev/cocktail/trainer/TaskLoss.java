package dev.cocktail.trainer;

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

  /** Both together. */
  public TaskLoss plus(TaskLoss other) {
    return new TaskLoss(sum + other.sum, tokens + other.tokens, examples + other.examples);
  }
}
