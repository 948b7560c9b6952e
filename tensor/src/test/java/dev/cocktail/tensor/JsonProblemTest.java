package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonProblemTest {
  @ParameterizedTest
  @ValueSource(strings = {"{", "[1, ", "{\"a\": tru", "{\"a\"", "\"x", "{\"a\": [1, 2}", "{\"a\": \u0001}", "nonsense"})
  void theParserSaysNothingOfItself(String text) {
    var failure =
        catchThrowableOfType(
            JsonProcessingException.class,
            () -> new ObjectMapper().readValue(text.getBytes(StandardCharsets.UTF_8), Map.class));
    assertThat(failure).isNotNull();
    assertThat(JsonProblem.of(failure)).isNotBlank().doesNotContain("Source", "REDACTED", "StreamReadFeature");
  }
}
