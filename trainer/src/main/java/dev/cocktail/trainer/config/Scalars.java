package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.nodes.ScalarNode;

/**
 * Turns YAML's single values into Java's. It reads numbers itself, since YAML 1.1 takes {@code 2e-4} for a text, {@code
 * 010} for eight and {@code 1:30} for ninety.
 */
final class Scalars {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(?:\\d[\\d_]{0,40}(?:\\.\\d{0,40})?|\\.\\d{1,40})(?:[eE][-+]?\\d{1,3})?");

  private static final int LONGEST_SHOWN = 60;

  private final Path folder;

  /**
   * @param folder where relative paths start
   */
  Scalars(Path folder) {
    this.folder = folder;
  }

  /**
   * Converts a value.
   *
   * @throws InvalidInputException saying what was expected and found
   */
  Object convert(ScalarNode node, Class<?> type, Key key) {
    if (type == int.class) {
      return (int) whole(node, type, key);
    }
    if (type == OptionalInt.class) {
      return OptionalInt.of((int) whole(node, type, key));
    }
    if (type == long.class) {
      return whole(node, type, key);
    }
    if (type == OptionalLong.class) {
      return OptionalLong.of(whole(node, type, key));
    }
    if (type == double.class || type == Double.class) {
      return number(node, type, key).doubleValue();
    }
    if (type == OptionalDouble.class) {
      return OptionalDouble.of(number(node, type, key).doubleValue());
    }
    if (type == boolean.class) {
      return bool(node, type, key);
    }
    String text = node.getValue();
    if (type.isEnum()) {
      return constant(text, type, key);
    }
    if (type == Separator.class) {
      return Separator.parse(text);
    }
    if (text.isBlank()) {
      throw unexpected(node, type, key);
    }
    if (type == String.class) {
      return text;
    }
    if (type == Path.class) {
      return path(folder, text);
    }
    if (type == Interval.class) {
      return Interval.parse(text);
    }
    if (type == TargetModules.class) {
      return TargetModules.of(text);
    }
    throw new IllegalStateException("no conversion to " + type);
  }

  private static long whole(ScalarNode node, Class<?> type, Key key) {
    BigDecimal number = number(node, type, key);
    try {
      long value = number.longValueExact();
      boolean fits = type == long.class || type == OptionalLong.class || value == (int) value;
      if (fits) {
        return value;
      }
    } catch (ArithmeticException _) {
      // Not whole, or too large: said below.
    }
    throw unexpected(node, type, key);
  }

  private static BigDecimal number(ScalarNode node, Class<?> type, Key key) {
    String text = node.getValue();
    if (node.getScalarStyle() != ScalarStyle.PLAIN || !NUMBER.matcher(text).matches()) {
      throw unexpected(node, type, key);
    }
    var number = new BigDecimal(text.replace("_", ""));
    double value = number.doubleValue();
    boolean inRange = value > key.above() && value >= key.atLeast() && value < key.below() && value <= key.atMost();
    if (!inRange || Double.isInfinite(value)) {
      throw unexpected(node, type, key);
    }
    return number;
  }

  private static boolean bool(ScalarNode node, Class<?> type, Key key) {
    String text = node.getScalarStyle() == ScalarStyle.PLAIN ? node.getValue() : "";
    return switch (text) {
      case "true", "True", "TRUE" -> true;
      case "false", "False", "FALSE" -> false;
      default -> throw unexpected(node, type, key);
    };
  }

  private static Object constant(String text, Class<?> type, Key key) {
    for (Object constant : type.getEnumConstants()) {
      if (Sections.word(constant).equals(text)) {
        return constant;
      }
    }
    List<String> words = Sections.words(type);
    String known = String.join(", ", words);
    if (List.of(key.planned()).contains(text)) {
      throw new InvalidInputException("'" + text + "' is not supported yet; supported: " + known);
    }
    throw new InvalidInputException(
        "'" + shortened(text) + "' is not one of: " + known + NearestName.hint(shortened(text), words));
  }

  /**
   * A path as a file has it.
   *
   * @param folder where relative ones start
   * @throws InvalidInputException when it is none
   */
  static Path path(Path folder, String text) {
    try {
      if (text.startsWith("~/")) {
        return Path.of(System.getProperty("user.home")).resolve(text.substring(2)).normalize();
      }
      return folder.resolve(text).normalize();
    } catch (InvalidPathException e) {
      throw new InvalidInputException("'" + shortened(text) + "' is no path: " + e.getReason(), e);
    }
  }

  private static InvalidInputException unexpected(ScalarNode node, Class<?> type, Key key) {
    String quotes = node.getScalarStyle() == ScalarStyle.PLAIN ? "'" : "\"";
    return new InvalidInputException(
        "expected " + expectation(type, key) + ", found " + quotes + shortened(node.getValue()) + quotes);
  }

  /** What a value of that type must be, for messages. */
  static String expectation(Class<?> type, Key key) {
    String kind = KeyInfo.typeName(type);
    List<String> bounds = new ArrayList<>();
    bound(bounds, "above ", key.above());
    bound(bounds, "at least ", key.atLeast());
    bound(bounds, "below ", key.below());
    bound(bounds, "at most ", key.atMost());
    String article = kind.equals("true or false") || type.isEnum() ? "" : "a ";
    return article + kind + (bounds.isEmpty() ? "" : " " + String.join(" and ", bounds));
  }

  private static void bound(List<String> bounds, String words, double value) {
    if (!Double.isInfinite(value)) {
      bounds.add(words + (value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value)));
    }
  }

  /** A text short enough for a message. */
  static String shortened(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.length() <= LONGEST_SHOWN ? line : line.substring(0, LONGEST_SHOWN) + "...";
  }
}
