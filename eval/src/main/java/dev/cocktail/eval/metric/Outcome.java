package dev.cocktail.eval.metric;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * What came of one item.
 *
 * @param gold the right answer; for a task with labels, the label
 * @param read what was read from the model's answer, spelled as right answers are; empty when it could not be read
 * @param right whether that counts as right; what could not be read never does
 * @param tokenProbability the geometric mean of the probabilities that the model gives the tokens of the right answer,
 *     each after the right ones before it: {@code exp(-loss)} of the mean loss in nats. Between 0 and 1; not a number
 *     where it is not known
 */
public record Outcome(String gold, Optional<String> read, boolean right, double tokenProbability) {
  public Outcome {
    requireNonNull(gold, "gold");
    requireNonNull(read, "read");
    if (right && read.isEmpty()) {
      throw new IllegalArgumentException("an answer that could not be read counts as right; expected '" + gold + "'");
    }
  }

  /** An outcome of which no probabilities are known. */
  public Outcome(String gold, Optional<String> read, boolean right) {
    this(gold, read, right, Double.NaN);
  }

  /** The outcome of a task with labels: right when the label that was read is the item's. */
  public static Outcome ofLabel(String gold, Optional<String> read) {
    return new Outcome(gold, read, read.isPresent() && read.get().equals(gold));
  }
}
