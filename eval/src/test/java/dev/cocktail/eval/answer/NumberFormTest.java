package dev.cocktail.eval.answer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.eval.answer.AnswerForm.Reading;
import java.math.BigDecimal;
import java.util.Locale;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.BigRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NumberFormTest {
  private final NumberForm form = new NumberForm();

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "42; 42; 42",
        "' -1,234.50 '; -1234.50; -1234.50",
        "(3.2); -3.2; -3.2",
        "($1,200); -1200; -1200",
        "-$5; -5; -5",
        "$-5; -5; -5",
        "\u22127; -7; -7",
        "12.5 %; 12.5%; 12.5%",
        "12.5 percent; 12.5%; 12.5%",
        "$ 3.50; 3.50; 3.50",
        "3.50 USD; 3.50; 3.50",
        "+8; 8; 8",
        ".5; .5; .5",
        "1.5e3; 1.5e3; 1.5e3",
        "YES; yes; yes",
        "no; no; no",
        "Yes, by 5.;; yes",
        "It rose from 10 to 12.5%.;; 12.5%",
        "The answer is 1,234,567.89 dollars;; 1234567.89",
        "a loss of (12);; -12",
        "1, 2, 3;; 3",
        "1,2,3;; 3",
        "2019-2020;; 2020",
        "In Q3 and GPT2;;",
        "5m;;",
        "5.2m;;",
        "1,234m;;",
        "it did, yes;; yes",
        "nothing;;",
        "'';;",
        "5 (of 7;; 7",
        "(5;; 5",
        "7.;; 7",
        "note;;",
        "3 + 4 = 7;; 7",
        "3 - 4;; -4"
      })
  void reads(String answer, String strict, String lenient) {
    assertThat(form.read(answer, Reading.STRICT).orElse(null)).isEqualTo(strict);
    assertThat(form.read(answer, Reading.LENIENT).orElse(null)).isEqualTo(lenient);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        // gold; answer; strictly right; leniently right
        "1200; $1,200; true; true",
        "1.5; 1.50; false; true",
        "0.125; 12.5%; false; true",
        "12.5%; 0.125; false; true",
        "12.5%; 12.5; false; true",
        "12.5; 12.5%; false; true",
        "12.5; 0.125; false; false",
        "100; 101; false; true",
        "100; 101.01; false; false",
        "100; 99; false; true",
        "-100; 100; false; false",
        "0; 0.001; false; true",
        "0; 0.0011; false; false",
        "0.05; 0.051; false; true",
        "0.05; 0.0511; false; false",
        "1; 1.01; false; true",
        "1; 1.011; false; false",
        "yes; Yes; true; true",
        "yes; no; false; false",
        "yes; 1; false; false",
        "5; yes; false; false",
        "-3.2; (3.2); true; true"
      })
  void judges(String gold, String answer, boolean strict, boolean lenient) {
    String expected = form.gold(gold).orElseThrow();
    for (Reading reading : Reading.values()) {
      String read = form.read(answer, reading).orElseThrow();
      assertThat(form.isRight(expected, read, reading)).isEqualTo(reading == Reading.STRICT ? strict : lenient);
    }
  }

  @Property(tries = 300)
  void aNumberIsReadHoweverItIsWritten(
      @ForAll @BigRange(min = "-10000000", max = "10000000") @Scale(2) BigDecimal number) {
    String grouped = String.format(Locale.ROOT, "%,.2f", number.abs());
    String expected = form.gold(number.toPlainString()).orElseThrow();
    boolean negative = number.signum() < 0;
    String account = negative ? "(" + grouped + ")" : grouped;
    String signed = (negative ? "-$" : "$") + grouped;
    for (String written : new String[] {account, signed, number.toPlainString()}) {
      String strict = form.read(written, Reading.STRICT).orElseThrow();
      assertThat(new BigDecimal(strict)).isEqualByComparingTo(number);
      String said = form.read("After 3 quarters: " + written + ".", Reading.LENIENT).orElseThrow();
      assertThat(new BigDecimal(said)).isEqualByComparingTo(number);
      assertThat(form.isRight(expected, said, Reading.LENIENT)).isTrue();
    }
  }

  @Property(tries = 500)
  void anyTextIsReadWithoutFailing(@ForAll String answer) {
    for (Reading reading : Reading.values()) {
      form.read(answer, reading).ifPresent(read -> assertThat(form.isRight(read, read, reading)).isTrue());
    }
  }
}
