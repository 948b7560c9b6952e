package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class InvalidInputExceptionTest {
  @Test
  void aQuotedLineBreakDoesNotBreakTheMessage() {
    var e = new InvalidInputException("run.yaml:2: unknown key 'a\nb\r\u0085\u2028\u001B[2J'");
    assertThat(e).hasMessage("run.yaml:2: unknown key 'a\\nb\\u000D\\u0085\\u2028\\u001B[2J'");
  }

  @Test
  void ordinaryTextStaysAsItIs() {
    String message = "trainé.yaml: 'größer 😀' ist kein Wert";
    assertThat(new InvalidInputException(message, null)).hasMessage(message);
  }
}
