package dev.cocktail.transformer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** One JSON object of a configuration file, read key by key with errors that name file, key, found and expected. */
final class ConfigObject {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private final Path file;
  private final String prefix;
  private final JsonNode node;

  private ConfigObject(Path file, String prefix, JsonNode node) {
    this.file = file;
    this.prefix = prefix;
    this.node = node;
  }

  /** Reads a file that must hold one JSON object. */
  static ConfigObject read(Path file) {
    JsonNode node;
    try {
      node = MAPPER.readTree(Files.readAllBytes(file));
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(
          file
              + " is not JSON: "
              + JsonProblem.of(e)
              + (e.getLocation() == null ? "" : " (line " + e.getLocation().getLineNr() + ")"),
          e);
    } catch (IOException e) {
      throw new InvalidInputException("cannot read " + file + ": " + e.getMessage(), e);
    }
    if (!node.isObject()) {
      throw new InvalidInputException(file + " holds no JSON object");
    }
    return new ConfigObject(file, "", node);
  }

  /** The object itself. */
  JsonNode node() {
    return node;
  }

  boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** The object under a key, or an empty one where it is missing or null. */
  ConfigObject object(String key) {
    JsonNode child = node.path(key);
    if (child.isMissingNode() || child.isNull()) {
      return new ConfigObject(file, prefix + key + ".", MAPPER.createObjectNode());
    }
    if (!child.isObject()) {
      throw wrong(key, "an object");
    }
    return new ConfigObject(file, prefix + key + ".", child);
  }

  int positiveInt(String key) {
    if (!has(key)) {
      throw new InvalidInputException(file + " has no '" + prefix + key + "'; expected a positive whole number");
    }
    return positiveInt(key, 0);
  }

  int positiveInt(String key, int fallback) {
    JsonNode value = node.path(key);
    if (!has(key)) {
      return fallback;
    }
    if (!value.canConvertToInt() || !value.canConvertToExactIntegral() || value.intValue() < 1) {
      throw wrong(key, "a positive whole number");
    }
    return value.intValue();
  }

  double positiveNumber(String key, double fallback) {
    if (!has(key)) {
      return fallback;
    }
    double value = node.path(key).asDouble();
    if (!node.path(key).isNumber() || !(value > 0) || Double.isInfinite(value)) {
      throw wrong(key, "a positive number");
    }
    return value;
  }

  boolean bool(String key, boolean fallback) {
    if (!has(key)) {
      return fallback;
    }
    if (!node.path(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return node.path(key).booleanValue();
  }

  Optional<String> string(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!node.path(key).isTextual()) {
      throw wrong(key, "a string");
    }
    return Optional.of(node.path(key).textValue());
  }

  List<String> strings(String key) {
    List<String> values = new ArrayList<>();
    if (!has(key)) {
      return values;
    }
    if (!node.path(key).isArray()) {
      throw wrong(key, "a list of strings");
    }
    for (JsonNode element : node.path(key)) {
      if (!element.isTextual()) {
        throw wrong(key, "a list of strings");
      }
      values.add(element.textValue());
    }
    return values;
  }

  /** Token ids: one number, a list of numbers, or nothing. */
  List<Integer> ids(String key) {
    List<Integer> values = new ArrayList<>();
    if (!has(key)) {
      return values;
    }
    Iterable<JsonNode> elements = node.path(key).isArray() ? node.path(key) : List.of(node.path(key));
    for (JsonNode element : elements) {
      if (!element.canConvertToInt() || !element.canConvertToExactIntegral()) {
        throw wrong(key, "a token id or a list of token ids");
      }
      values.add(element.intValue());
    }
    return values;
  }

  /** A list of exactly {@code count} positive numbers. */
  List<Double> positiveNumbers(String key, int count, String meaningOfCount) {
    String expected = "a list of " + count + " positive numbers (" + meaningOfCount + ")";
    if (!has(key)) {
      throw new InvalidInputException(file + " has no '" + prefix + key + "'; expected " + expected);
    }
    JsonNode list = node.path(key);
    if (!list.isArray()) {
      throw wrong(key, expected);
    }
    if (list.size() != count) {
      throw new InvalidInputException(
          file + ": '" + prefix + key + "' has " + list.size() + " elements; expected " + expected);
    }
    List<Double> values = new ArrayList<>();
    for (JsonNode element : list) {
      if (!element.isNumber() || !(element.asDouble() > 0) || Double.isInfinite(element.asDouble())) {
        throw wrong(key, expected);
      }
      values.add(element.asDouble());
    }
    return values;
  }

  /** An error about one key: what was found there and what was expected. */
  InvalidInputException wrong(String key, String expected) {
    String found = node.path(key).isMissingNode() ? "nothing" : node.path(key).toString();
    if (found.length() > 80) {
      found = found.substring(0, 77) + "...";
    }
    return new InvalidInputException(file + ": '" + prefix + key + "' is " + found + "; expected " + expected);
  }
}
