package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextTemplateTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "{{ a }}{{b}}@one7",
        "{{ fields['with space'] }}!@two!",
        "{{ fields[\"a\"] }}@one",
        "{% for x in list %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}@x, y",
        "{% if a == 'one' %}yes{% else %}no{% endif %}@yes",
        "{% if absent is defined %}{{ absent }}{% endif %}.@.",
        "{{ map.k }} {{ map['k'] }}@v v",
        "{{ a | upper }}@ONE",
        "{{ false_text }} {{ null_text }}@False a null",
        "{% if nothing %}x{% endif %}y@y",
        "a }} { { # b@a }} { { # b",
      })
  void renders(String template, String text) {
    var values =
        Map.of(
            "a",
            "one",
            "b",
            7L,
            "with space",
            "two",
            "list",
            List.of("x", "y"),
            "map",
            Map.of("k", "v"),
            "false_text",
            "False",
            "null_text",
            "a null",
            "nothing",
            "");
    assertThat(TextTemplate.of(template).render(values)).isEqualTo(text);
  }

  @Test
  void namesItsFields() {
    assertThat(
            TextTemplate.of(
                    "{{ b }} {% if maybe is defined %}{{ maybe }}{% endif %}{% for x in list %}{{ x }}{% endfor %}"
                        + "{% if cond %}{% set y = a %}{{ y }}{% endif %}{{ fields['c d'] }}")
                .fields())
        .containsExactly("b", "list", "cond", "a", "c d");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{{ absent }}", "{{ map.absent }}", "{{ fields[a] }}", "{{ list[2] }}", "{{ list }}", "{{ 1.5 }}"})
  void whatIsNotThereOrNoTextIsRefused(String template) {
    assertThatThrownBy(
            () -> TextTemplate.of(template).render(Map.of("a", "one", "map", Map.of("k", "v"), "list", List.of("x"))))
        .isInstanceOf(InvalidInputException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ a",
        "{% if a %}",
        "{{ }}",
        "{% import 'x' %}",
        "{{ a.getClass() }}",
        "{{ a | foreign }}",
        "{{ 7 * 7 }}",
        "{{ empty }}"
      })
  void whatIsNoTemplateIsRefused(String template) {
    assertThatThrownBy(() -> TextTemplate.of(template))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("the template");
  }

  /** Braces, tags, words that Jinjava takes for its own: all of it is text. */
  @Property(tries = 300)
  void valuesAreOnlyEverText(@ForAll String anything) {
    for (String value :
        List.of(
            anything,
            "{{ a }}" + anything + "{% raw %}",
            "{# " + anything,
            anything + "null false\0\u0001\u000B\u001B\u001F\u007F\t\r\n")) {
      String clean = value.replaceAll("[\uFDD0-\uFDDF]|[\\x{1FFFE}-\\x{1FFFF}]", "");
      assertThat(TextTemplate.of("<{{ a }}>").render(Map.of("a", clean))).isEqualTo("<" + clean + ">");
    }
  }

  @Property(tries = 500)
  void anyTextIsATemplateOrRefusedWithOneLine(@ForAll String anything) {
    for (String source : List.of(anything, "{{ " + anything + " }}", "{% " + anything + " %}")) {
      try {
        TextTemplate.of(source).render(Map.of("a", "b"));
      } catch (InvalidInputException e) {
        assertThat(e.getMessage().lines()).hasSize(1);
      }
    }
  }
}
