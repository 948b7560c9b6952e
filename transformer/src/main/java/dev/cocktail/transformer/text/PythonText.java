package dev.cocktail.transformer.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Python's methods of text, where Java's differ; and JSON as Transformers' templates write it. */
final class PythonText {
  private PythonText() {}

  /** {@code str.isspace} of one character: Java's white space, and Unicode's separators such as no-break spaces. */
  static boolean isSpace(char c) {
    return c != '\u200B' && (Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085');
  }

  /** {@code text.strip(characters)}; white space where characters is null. */
  static String strip(String text, String characters, boolean left, boolean right) {
    var from = 0;
    var to = text.length();
    while (left && from < to && isStripped(text.charAt(from), characters)) {
      from++;
    }
    while (right && to > from && isStripped(text.charAt(to - 1), characters)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isStripped(char c, String characters) {
    return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
  }

  /** {@code text.split(separator)}: keeps empty pieces, also the last ones. */
  static List<String> split(String text, String separator) {
    var pieces = new ArrayList<String>();
    var from = 0;
    for (var at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, from)) {
      pieces.add(text.substring(from, at));
      from = at + separator.length();
    }
    pieces.add(text.substring(from));
    return pieces;
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  /**
   * {@code json.dumps(value, ensure_ascii=False, indent=indent)}.
   *
   * @param indent spaces a level, or less than 0 for one line
   */
  static String json(Object value, int indent) {
    var out = new StringBuilder();
    json(value, indent, 0, out);
    return out.toString();
  }

  private static void json(Object value, int indent, int depth, StringBuilder out) {
    switch (value) {
      case null -> out.append("null");
      case Boolean truth -> out.append(truth);
      case Integer number -> out.append(number);
      case Long number -> out.append(number);
      case CharSequence text -> quote(text.toString(), out);
      case Map<?, ?> map -> {
        out.append('{');
        var first = true;
        for (var entry : map.entrySet()) {
          separate(first, indent, depth + 1, out);
          quote(String.valueOf(entry.getKey()), out);
          out.append(": ");
          json(entry.getValue(), indent, depth + 1, out);
          first = false;
        }
        close(first, indent, depth, out);
        out.append('}');
      }
      case Iterable<?> list -> {
        out.append('[');
        var first = true;
        for (var element : list) {
          separate(first, indent, depth + 1, out);
          json(element, indent, depth + 1, out);
          first = false;
        }
        close(first, indent, depth, out);
        out.append(']');
      }
      default -> throw new IllegalArgumentException("tojson of a " + value.getClass().getSimpleName());
    }
  }

  private static void separate(boolean first, int indent, int depth, StringBuilder out) {
    if (!first) {
      out.append(indent < 0 ? ", " : ",");
    }
    if (indent >= 0) {
      out.append('\n').repeat(" ", indent * depth);
    }
  }

  private static void close(boolean empty, int indent, int depth, StringBuilder out) {
    if (!empty && indent >= 0) {
      out.append('\n').repeat(" ", indent * depth);
    }
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (var i = 0; i < text.length(); i++) {
      var c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
