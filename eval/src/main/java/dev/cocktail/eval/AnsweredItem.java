package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Outcome;
import java.util.Optional;

/**
 * What became of one item, as it is kept in an {@link ItemsFile}.
 *
 * @param origin where the item stands: {@code file:line}
 * @param cluster what items that are not independent of each other have in common; empty when the item stands alone
 * @param answer the model's
 * @param strict the answer read strictly
 * @param lenient the answer read leniently
 * @param loss summed cross-entropy of the right answer in nats; not a number where it was none
 * @param lossTokens how many tokens that is the sum over
 */
public record AnsweredItem(
    String origin,
    Optional<String> cluster,
    String answer,
    Outcome strict,
    Outcome lenient,
    double loss,
    int lossTokens) {
  public AnsweredItem {
    requireNonNull(origin, "origin");
    requireNonNull(cluster, "cluster");
    requireNonNull(answer, "answer");
    requireNonNull(strict, "strict");
    requireNonNull(lenient, "lenient");
  }

  /** The outcome of a reading. */
  public Outcome outcome(Reading reading) {
    return reading == Reading.STRICT ? strict : lenient;
  }
}
