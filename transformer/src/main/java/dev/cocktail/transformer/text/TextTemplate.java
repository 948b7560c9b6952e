package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A Jinja template that makes a text of named values: {@code {{ sentence }}}, or {@code {{ fields['a b'] }}} where a
 * name is no Jinja name. It renders as Jinja does, with {@code trim_blocks} and {@code lstrip_blocks}; what is not
 * known to render so is refused. Values are only ever text: braces in them mean nothing. Safe for use by several
 * threads.
 */
public final class TextTemplate {
  /** The name under which a template finds all values. */
  static final String FIELDS = "fields";

  private static final int MAX_SOURCE = 1 << 20;

  private final TemplateRuntime.Parsed template;
  private final Set<String> fields;
  private final boolean mentionsNull;

  private TextTemplate(TemplateRuntime.Parsed template, Set<String> fields, boolean mentionsNull) {
    this.template = template;
    this.fields = Collections.unmodifiableSet(new LinkedHashSet<>(fields));
    this.mentionsNull = mentionsNull;
  }

  /**
   * Reads a template.
   *
   * @throws InvalidInputException when it is none, or uses what is not supported
   */
  public static TextTemplate of(String source) {
    if (source.length() > MAX_SOURCE) {
      throw new InvalidInputException(
          "the template has %,d characters; expected at most %,d".formatted(source.length(), MAX_SOURCE));
    }
    var rewritten = TemplateRewriter.rewriteOfFields("the template", source);
    try {
      var parsed = TemplateRuntime.parse(rewritten.source());
      return new TextTemplate(parsed, rewritten.fields(), source.contains("null"));
    } catch (RuntimeException e) {
      throw new InvalidInputException("the template cannot be parsed: " + e.getMessage(), e);
    }
  }

  /** Names of the values without which it cannot be rendered, in order of appearance. */
  public Set<String> fields() {
    return fields;
  }

  /**
   * The text.
   *
   * @param values by name: text, whole numbers, truth values, and lists and maps of these
   * @throws InvalidInputException when the template reaches what is not supported, or a value that is not there
   */
  public String render(Map<String, ?> values) {
    var missing = fields.stream().filter(field -> !values.containsKey(field)).findFirst();
    if (missing.isPresent()) {
      throw new InvalidInputException("there is no value for '" + missing.get() + "'");
    }
    var safe = new LinkedHashMap<String, Object>();
    values.forEach((name, value) -> safe.put(name, safe(value)));
    var bindings = new LinkedHashMap<String, Object>();
    bindings.put(FIELDS, safe);
    bindings.putAll(safe);
    var outcome = TemplateRuntime.renderDefined(template, bindings, mentionsNull);
    if (outcome.raised() != null) {
      throw new InvalidInputException("the template refuses these values: " + outcome.raised());
    }
    if (outcome.refused() != null) {
      throw new InvalidInputException("not supported in a template: " + outcome.refused());
    }
    return StandIns.restore(outcome.text());
  }

  private static Object safe(Object value) {
    return switch (requireNonNull(value, "value")) {
      case String text -> StandIns.put(text);
      case List<?> list -> {
        var safe = new ArrayList<Object>();
        list.forEach(element -> safe.add(safe(element)));
        yield safe;
      }
      case Map<?, ?> map -> {
        var safe = new LinkedHashMap<String, Object>();
        map.forEach((name, element) -> safe.put((String) name, safe(element)));
        yield safe;
      }
      case Object other -> other;
    };
  }
}
