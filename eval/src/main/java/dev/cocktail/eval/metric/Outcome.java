package dev.cocktail.eval.metric;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * What came of one item.
 *
 * @param gold the right answer; for a task with labels, the label
 * @param read what was read from the model's answer, spelled as right answers are; empty when it could not be read
 * @param right whether that counts as right; what could not be read never does
 */
public record Outcome(String gold, Optional<String> read, boolean right) {
  public Outcome {
    requireNonNull(gold, "gold");
    requireNonNull(read, "read");
    if (right && read.isEmpty()) {
      throw new IllegalArgumentException("an answer that could not be read counts as right; expected '" + gold + "'");
    }
  }

  /** The outcome of a task with labels: right when the label that was read is the item's. */
  public static Outcome ofLabel(String gold, Optional<String> read) {
    return new Outcome(gold, read, read.isPresent() && read.get().equals(gold));
  }
}
