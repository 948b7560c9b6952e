package dev.cocktail.eval.answer;

import dev.cocktail.eval.metric.Metric;
import java.util.Optional;

/**
 * What the answers of a task look like, and how to read them, in two ways side by side: strictly, where the whole
 * answer must be what was asked for, and leniently, where it may stand in a sentence. Neither way looks at the right
 * answer while reading.
 */
public sealed interface AnswerForm permits AnswerAfter, LabelForm, NumberForm, TextForm {
  /** How strictly to read. */
  enum Reading {
    STRICT,
    LENIENT
  }

  /** The form that metrics ask for. */
  Metric.Form form();

  /** A right answer of the data set, as it is spelled in comparisons; empty when it is not of this form. */
  Optional<String> gold(String text);

  /** What an answer says; empty when it cannot be read. */
  Optional<String> read(String answer, Reading reading);

  /**
   * Whether what was read counts as right.
   *
   * @param gold what {@link #gold} made of the right answer
   * @param read what {@link #read} made of the model's, with the same reading
   */
  boolean isRight(String gold, String read, Reading reading);
}
