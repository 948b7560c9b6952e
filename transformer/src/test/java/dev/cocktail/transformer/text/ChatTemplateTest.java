package dev.cocktail.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where Jinja and Jinjava differ: as Jinja does, or refused by name. Expected texts are Jinja 3.1's. */
class ChatTemplateTest {
  private static final List<Message> MESSAGES =
      List.of(Message.system(" sys "), Message.user("a b  c"), Message.assistant("false"));

  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      ignoreLeadingAndTrailingWhitespace = false,
      quoteCharacter = '`',
      value = {
        "{% for m in messages %}{% if m.role=='user' %}{% set c = 'u' %}{% endif %}[{{ c }}]{% endfor %}@[][u][]",
        "{% set c = 'x' %}{% for m in messages %}{% set c = c + '!' %}[{{ c }}]{% endfor %}{{ c }}@[x!][x!][x!]x",
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}@3",
        "{% if not 'x' in messages[1].content and not messages[0].tools is defined %}Y{% endif %}@Y",
        "{% if messages[2].content %}{{ messages[2].content }}{% endif %}@false",
        "{{ messages[2].content | upper }}@FALSE",
        "{{ messages[1].content.split(' ')|join('|') }}@a|b||c",
        "{% if tools is defined %}D{% endif %}{% if tools is none %}N{% endif %}@DN",
        "{{ messages[0] | tojson }}@{\"role\": \"system\", \"content\": \" sys \"}",
        "{{ 'a' ~ messages|length }}{{ messages[1:]|length }}{{ messages[-1].role }}@a32assistant",
        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% break %}{% endfor %}@user",
        "{{ \"}}\" + '%}' + '{{' }} } { x \\ y@}}%}{{ } { x \\ y",
        "a  {%- if true -%}  b  {% endif %} c {#- d -#} e@ab   ce",
      })
  void rendersAsJinjaDoes(String template, String expected) {
    assertThat(render(template, MESSAGES)).isEqualTo(expected);
  }

  @Test
  void whiteSpaceAroundBlocks() {
    assertThat(
            render(
                "{% for m in messages %}\n  {% if m.role == 'user' %}\n    {{ m.content }}\n  {%- else %}\n\t"
                    + "[{{ m.role -}} ]\n  {% endif %}\n\n{% endfor %}\n\n",
                MESSAGES))
        .isEqualTo("\t[system]\n\n    a b  c\n\t[assistant]\n\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '@',
      value = {
        "{% macro f(x) %}{{ x }}{% endmacro %}@the tag {% macro %}",
        "{% include 'x' %}@the tag {% include %}",
        "{{ messages | shuffle }}@the filter |shuffle",
        "{{ messages[0].content.format(1) }}@the method .format()",
        "{{ messages[0].content.getClass() }}@the method .getClass()",
        "{{ nothing + 'x' }}@the variable nothing",
        "{{ messages[0].nothing + 'x' }}@an undefined value",
        "{{ messages[7].content }}@an element that a list does not have",
        "{{ lipsum() }}@the function lipsum()",
        "{{ 'a' * 3 }}@the operator *",
        "{{ messages }}@an output of anything but text",
        "{% for m in messages if m.role %}{% endfor %}@for ... if",
        "{{ loop.cycle(1, 2) }}@loop.cycle",
        "{{ 'a' == 'b' == 'c' }}@a chain of comparisons",
        "{% for m in messages %}@not closed",
        "{% endif %}@closes nothing",
        "{{ 'a }}@does not end",
        "{{ range(1000000000) | length }}@ranges of more than",
      })
  void refusesByName(String template, String named) {
    assertThatThrownBy(() -> render(template, MESSAGES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageStartingWith("test: ")
        .hasMessageContaining(named);
  }

  /** What a template does not reach does not matter. */
  @Test
  void unsupportedBranchesMayLieIdle() {
    assertThat(render("{% if tools %}{{ tools | map('x') }}{% endif %}ok", MESSAGES)).isEqualTo("ok");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{% for a in messages %}{% for b in messages %}{% for c in messages %}{% for d in messages %}x{% endfor %}{%"
            + " endfor %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}{{"
            + " n.s }}",
        "{% set n = namespace(s=[1]) %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}",
      })
  void hostileTemplatesEnd(String template) {
    var many = Collections.nCopies(1000, Message.user("x"));
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> assertThatThrownBy(() -> render(template, many)).isInstanceOf(InvalidInputException.class));
  }

  @Test
  void textOfMessagesIsNeverExecuted() {
    var content = "{{ 7 * 7 }} {% if true %}x{% endif %} {# c #} ${7} null \\n {{ messages }}";
    assertThat(render("{% for m in messages %}{{ m['content'] }}{% endfor %}", List.of(Message.user(content))))
        .isEqualTo(content);
  }

  @Test
  void theTemplatesOwnComplaintIsPassedOn() {
    assertThatThrownBy(() -> render("{{ raise_exception('no system ' + messages[0].role) }}", MESSAGES))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("no system system")
        .hasMessageContaining("[system, user, assistant]");
  }

  private static String render(String template, List<Message> messages) {
    return ChatTemplate.of("test", template, Map.of("bos_token", "<s>")).render(messages, false);
  }
}
