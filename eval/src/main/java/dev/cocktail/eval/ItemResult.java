package dev.cocktail.eval;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Outcome;
import java.util.Map;

/**
 * What a model made of one item.
 *
 * @param item what was asked
 * @param answer what the model answered, without special tokens
 * @param finish why the answer ended: {@code stop}, {@code length}, or {@code likelihood} where it was chosen
 * @param strict the outcome with the answer read strictly
 * @param lenient the outcome with the answer read leniently
 * @param loss the sum of the right answer's cross-entropies in nats, the end of the turn included
 * @param lossTokens how many tokens that is
 * @param scores where the answer was chosen, each label's log-likelihood: sum or mean, as the method says
 */
public record ItemResult(
    EvaluationItem item,
    String answer,
    String finish,
    Outcome strict,
    Outcome lenient,
    double loss,
    int lossTokens,
    Map<String, Double> scores) {
  /** The outcome of a reading. */
  public Outcome outcome(Reading reading) {
    return reading == Reading.STRICT ? strict : lenient;
  }
}
