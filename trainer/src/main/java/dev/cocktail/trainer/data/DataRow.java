package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One record of a data file, as the file has it.
 *
 * @param origin where it stands, for messages: {@code file:line}, or {@code file: row n} where a file has no lines
 * @param fields by name, in the file's order; values of CSV files are text
 */
record DataRow(String origin, ObjectNode fields) {
  private static final int LONGEST_SHOWN = 60;

  DataRow {
    requireNonNull(origin, "origin");
    requireNonNull(fields, "fields");
  }

  List<String> fieldNames() {
    List<String> names = new ArrayList<>();
    fields.fieldNames().forEachRemaining(names::add);
    return names;
  }

  /** What this record has in common with others that are not independent of it: its field {@code cluster}. */
  Optional<String> cluster() {
    JsonNode cluster = fields.get("cluster");
    if (cluster == null || cluster.isNull()) {
      return Optional.empty();
    }
    if (!cluster.isTextual() && !cluster.isIntegralNumber()) {
      throw wrong("\"cluster\" is " + cluster + "; expected text or a whole number");
    }
    return Optional.of(cluster.asText());
  }

  /**
   * The value of a field.
   *
   * @param user what names the field, for the message
   * @throws InvalidInputException when this record lacks it, with the nearest name
   */
  JsonNode require(String field, String user) {
    JsonNode value = fields.get(field);
    if (value == null) {
      List<String> names = fieldNames();
      throw wrong(
          "%s names the field '%s', which this record does not have%s (it has: %s)"
              .formatted(user, shown(field), NearestName.hint(shown(field), names), shown(String.join(", ", names))));
    }
    return value;
  }

  /** A text short enough for a message. */
  static String shown(String text) {
    return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
  }

  InvalidInputException wrong(String what) {
    return new InvalidInputException(origin + ": " + what);
  }

  /** A value in words, for messages. */
  static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case STRING -> "text";
      case NUMBER -> "the number " + node.asText();
      case BOOLEAN -> node.asText();
      default -> "null";
    };
  }
}
