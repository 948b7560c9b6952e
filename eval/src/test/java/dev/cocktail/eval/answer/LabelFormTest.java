package dev.cocktail.eval.answer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.tensor.InvalidInputException;
import java.util.List;
import java.util.Locale;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LabelFormTest {
  private static final List<String> LABELS =
      List.of(
          "Stock",
          "Stock Commentary",
          "Stock Movement",
          "Company | Product News",
          "M&A | Investments",
          "Investments",
          "IPO",
          "General News | Opinion");

  private final LabelForm topics = new LabelForm(LABELS);
  private final LabelForm sentiment = new LabelForm(List.of("Negative", "Neutral", "Positive"));

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "positive; Positive; Positive",
        "' POSITIVE\n'; Positive; Positive",
        "Positive.;; Positive",
        "The sentiment is neutral, not positive.;; Neutral",
        "Answer: negative;; Negative",
        "nonpositive;;",
        "positively;;",
        "'**Positive**';; Positive",
        "'';;",
        "pos;;",
        "positive2;;",
        "(neutral)/positive;; Neutral",
        "neutral-positive;; Neutral"
      })
  void sentiments(String answer, String strict, String lenient) {
    assertThat(sentiment.read(answer, Reading.STRICT).orElse(null)).isEqualTo(strict);
    assertThat(sentiment.read(answer, Reading.LENIENT).orElse(null)).isEqualTo(lenient);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "stock  commentary; Stock Commentary; Stock Commentary",
        "Topic: Stock Commentary;; Stock Commentary",
        "Topic: stock;; Stock",
        "A stock, or Stock Movement;; Stock",
        "'m&a |\n investments'; M&A | Investments; M&A | Investments",
        "It is M&A | Investments.;; M&A | Investments",
        "investments in an ipo;; Investments",
        "Stocks;;",
        "IPOs and M&A;;"
      })
  void labelsThatContainEachOther(String answer, String strict, String lenient) {
    assertThat(topics.read(answer, Reading.STRICT).orElse(null)).isEqualTo(strict);
    assertThat(topics.read(answer, Reading.LENIENT).orElse(null)).isEqualTo(lenient);
  }

  @Test
  void goldIsALabelInAnyCase() {
    assertThat(sentiment.gold(" neutral ")).hasValue("Neutral");
    assertThat(sentiment.gold("mixed")).isEmpty();
    assertThat(sentiment.gold("Neutral.")).isEmpty();
  }

  @Test
  void labelsWithoutLettersAtTheirEnds() {
    LabelForm signs = new LabelForm(List.of("+", "-", "C++", "C"));
    assertThat(signs.read("C++ of course", Reading.LENIENT)).hasValue("C++");
    assertThat(signs.read("c", Reading.STRICT)).hasValue("C");
    assertThat(signs.read("so: +", Reading.LENIENT)).hasValue("+");
  }

  @Test
  void theDifferentAnswersOfADataSetAreLabels() {
    assertThat(LabelForm.ofAnswers(List.of("up", " Down", "Up", "down\n", "flat")).labels())
        .containsExactly("up", "Down", "flat");
  }

  @Test
  void labelsThatCannotBeToldApartAreRefused() {
    assertThatThrownBy(() -> new LabelForm(List.of("Up", "up ")))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("'Up'", "'up'", "the same");
    assertThatThrownBy(() -> new LabelForm(List.of("up", " "))).hasMessageContaining("empty");
    assertThatThrownBy(() -> new LabelForm(List.of())).hasMessageContaining("no labels");
  }

  @Provide
  Arbitrary<String> labels() {
    return Arbitraries.of(LABELS);
  }

  @Provide
  Arbitrary<String> noise() {
    return Arbitraries.strings().withChars("xyz .,:;!?\n*-").ofMaxLength(12);
  }

  @Property(tries = 300)
  void aLabelIsFoundBetweenOtherWords(
      @ForAll @From("labels") String label, @ForAll @From("noise") String before, @ForAll @From("noise") String after) {
    assertThat(topics.read(before + " " + label + ", " + after, Reading.LENIENT)).hasValue(label);
    assertThat(topics.read("  " + label.toUpperCase(Locale.ROOT) + "\n", Reading.STRICT)).hasValue(label);
  }

  @Property(tries = 300)
  void whatIsReadStrictlyIsReadTheSameLeniently(@ForAll String answer) {
    topics
        .read(answer, Reading.STRICT)
        .ifPresent(label -> assertThat(topics.read(answer, Reading.LENIENT)).hasValue(label));
  }
}
