package dev.cocktail.eval.answer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.tensor.InvalidInputException;
import java.util.Optional;

/**
 * An answer that comes after a mark, such as {@code ####} after a calculation: what follows the last mark is of another
 * form. Strictly, there must be a mark; leniently, an answer without one counts as a whole. Right answers without a
 * mark are taken as a whole.
 *
 * @param mark any text but an empty one
 * @param after the form of what follows the mark
 */
public record AnswerAfter(String mark, AnswerForm after) implements AnswerForm {
  public AnswerAfter {
    requireNonNull(after, "after");
    if (mark.isEmpty()) {
      throw new InvalidInputException("the mark before answers is empty; expected some text, such as ####");
    }
  }

  @Override
  public Metric.Form form() {
    return after.form();
  }

  @Override
  public Optional<String> gold(String text) {
    return after.gold(rest(text).orElse(text));
  }

  @Override
  public Optional<String> read(String answer, Reading reading) {
    Optional<String> rest = rest(answer);
    return reading == Reading.STRICT
        ? rest.flatMap(text -> after.read(text, reading))
        : after.read(rest.orElse(answer), reading);
  }

  @Override
  public boolean isRight(String gold, String read, Reading reading) {
    return after.isRight(gold, read, reading);
  }

  private Optional<String> rest(String text) {
    return rest(mark, text);
  }

  /** What follows the last mark; empty where there is none. */
  public static Optional<String> rest(String mark, String text) {
    int at = text.lastIndexOf(mark);
    return at < 0 ? Optional.empty() : Optional.of(text.substring(at + mark.length()));
  }
}
