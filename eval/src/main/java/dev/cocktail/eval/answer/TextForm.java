package dev.cocktail.eval.answer;

import dev.cocktail.eval.metric.Metric;
import java.text.Normalizer;
import java.util.Locale;
import java.util.Optional;

/**
 * Any text. Strictly, it is the expected one without white space around; leniently, also upper and lower case, runs of
 * white space, and punctuation at the end do not count. An answer without any character cannot be read.
 */
public record TextForm() implements AnswerForm {
  @Override
  public Metric.Form form() {
    return Metric.Form.TEXT;
  }

  @Override
  public Optional<String> gold(String text) {
    return Optional.of(text.strip());
  }

  @Override
  public Optional<String> read(String answer, Reading reading) {
    return Optional.of(answer.strip()).filter(text -> !text.isEmpty());
  }

  @Override
  public boolean isRight(String gold, String read, Reading reading) {
    return reading == Reading.STRICT ? gold.equals(read) : withoutEnd(folded(gold)).equals(withoutEnd(folded(read)));
  }

  /** Lower case, composed characters, single blanks, none around. */
  static String folded(String text) {
    return Normalizer.normalize(text, Normalizer.Form.NFC).toLowerCase(Locale.ROOT).replaceAll("\\s+", " ").strip();
  }

  private static String withoutEnd(String text) {
    String shorter = text.replaceFirst("[\\s.,;:!?]+$", "");
    return shorter.isEmpty() ? text : shorter;
  }
}
