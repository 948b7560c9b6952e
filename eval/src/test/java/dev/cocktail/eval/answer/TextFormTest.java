package dev.cocktail.eval.answer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextFormTest {
  private final TextForm form = new TextForm();

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "blue; ' blue\n'; true; true",
        "blue; Blue.; false; true",
        "deep blue; 'deep\n  blue'; false; true",
        "blue; bluer; false; false",
        "?; ?; true; true",
        "?; !; false; false"
      })
  void judges(String gold, String answer, boolean strict, boolean lenient) {
    String expected = form.gold(gold).orElseThrow();
    String read = form.read(answer, Reading.STRICT).orElseThrow();
    assertThat(form.isRight(expected, read, Reading.STRICT)).isEqualTo(strict);
    assertThat(form.isRight(expected, read, Reading.LENIENT)).isEqualTo(lenient);
  }

  @Test
  void blankAnswersCannotBeRead() {
    assertThat(form.read(" \n", Reading.STRICT)).isEmpty();
    assertThat(form.read("", Reading.LENIENT)).isEmpty();
  }
}
