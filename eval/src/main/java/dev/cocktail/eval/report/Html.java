package dev.cocktail.eval.report;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An element of HTML or SVG. What is written is well-formed XML too. Texts and values of attributes may be anything:
 * they are escaped, and characters that no document may hold become U+FFFD. Names come from code.
 */
public final class Html {
  private static final String NAME = "[a-zA-Z][a-zA-Z0-9-]*";
  private static final Set<String> VOID = Set.of("meta", "br", "col", "hr");
  private static final Set<String> SCRIPTS = Set.of("script", "style", "iframe", "object", "embed", "link", "base");

  private final String name;
  private final Map<String, String> attributes = new LinkedHashMap<>();
  private final List<Object> children = new ArrayList<>();

  private Html(String name) {
    if (!name.matches(NAME) || SCRIPTS.contains(name)) {
      throw new IllegalArgumentException("no element for a report: " + name);
    }
    this.name = name;
  }

  /** An element without anything in it. */
  public static Html of(String name) {
    return new Html(name);
  }

  /** An element with a text. */
  public static Html of(String name, String text) {
    return new Html(name).text(text);
  }

  /** Sets an attribute. Those that run scripts or load something are refused. */
  public Html with(String attribute, String value) {
    boolean loads = attribute.equals("src") || attribute.equals("href") && !value.startsWith("#");
    if (!attribute.matches(NAME) || attribute.startsWith("on") || loads) {
      throw new IllegalArgumentException("no attribute for a report: " + attribute + "=" + value);
    }
    attributes.put(attribute, requireNonNull(value, "value"));
    return this;
  }

  /** Sets an attribute to a number, with two digits at most. */
  public Html with(String attribute, double value) {
    return with(attribute, Numbers.plain(value));
  }

  /** Adds text. */
  public Html text(String text) {
    children.add(requireNonNull(text, "text"));
    return this;
  }

  /** Adds elements. */
  public Html add(Html... elements) {
    return add(List.of(elements));
  }

  /** Adds elements. */
  public Html add(List<Html> elements) {
    children.addAll(elements);
    return this;
  }

  @Override
  public String toString() {
    var out = new StringBuilder();
    write(out);
    return out.toString();
  }

  void write(StringBuilder out) {
    out.append('<').append(name);
    attributes.forEach(
        (attribute, value) -> out.append(' ').append(attribute).append("=\"").append(escape(value)).append('"'));
    if (VOID.contains(name)) {
      out.append(" />");
      return;
    }
    out.append('>');
    for (Object child : children) {
      switch (child) {
        case Html element -> element.write(out);
        default -> out.append(escape(child.toString()));
      }
    }
    out.append("</").append(name).append('>');
  }

  static String escape(String text) {
    var out = new StringBuilder(text.length() + 16);
    text.codePoints()
        .forEach(point -> {
          switch (point) {
            case '&' -> out.append("&amp;");
            case '<' -> out.append("&lt;");
            case '>' -> out.append("&gt;");
            case '"' -> out.append("&quot;");
            case '\'' -> out.append("&#39;");
            default -> out.appendCodePoint(isCharacter(point) ? point : 0xFFFD);
          }
        });
    return out.toString();
  }

  /** The characters of XML 1.0, without the controls that HTML does not like. */
  private static boolean isCharacter(int point) {
    return point == '\t'
        || point == '\n'
        || point >= 0x20 && point < 0x7F
        || point >= 0xA0 && point < 0xD800
        || point >= 0xE000 && point <= 0xFFFD && (point < 0xFDD0 || point > 0xFDEF)
        || point >= 0x10000 && (point & 0xFFFE) != 0xFFFE;
  }
}
