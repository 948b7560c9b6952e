package dev.cocktail.transformer.text;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The words around a tokenizer: {@code tokenizer_config.json}, with {@code special_tokens_map.json} for tokens it does
 * not name, and the chat template wherever the model keeps it.
 *
 * @param specialTokens the text of {@code bos_token}, {@code eos_token}, {@code pad_token}, {@code unk_token}
 * @param addBos whether text starts with the BOS token; empty when tokenizer.json alone decides
 * @param chatTemplate the Jinja source of the default chat template
 * @param chatTemplateSource the file the template came from, for messages
 */
record TokenizerConfig(
    Map<String, String> specialTokens,
    Optional<Boolean> addBos,
    Optional<String> chatTemplate,
    String chatTemplateSource) {
  private static final String[] SPECIAL = {"bos_token", "eos_token", "pad_token", "unk_token"};

  TokenizerConfig {
    specialTokens = Map.copyOf(specialTokens);
  }

  static TokenizerConfig read(Path folder) {
    var file = folder.resolve("tokenizer_config.json");
    var config = readObject(file);
    var map = readObject(folder.resolve("special_tokens_map.json"));
    var tokens = new LinkedHashMap<String, String>();
    for (var name : SPECIAL) {
      text(config.path(name)).or(() -> text(map.path(name))).ifPresent(value -> tokens.put(name, value));
    }
    // Transformers lets the configuration decide for Llama's tokenizer class only.
    Optional<Boolean> addBos = Optional.empty();
    if (config.path("tokenizer_class").asText().startsWith("Llama") && config.path("add_bos_token").isBoolean()) {
      addBos = Optional.of(config.path("add_bos_token").booleanValue());
    }
    var jinja = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(jinja)) {
      return new TokenizerConfig(tokens, addBos, Optional.of(readText(jinja)), jinja.toString());
    }
    var json = folder.resolve("chat_template.json");
    if (Files.isRegularFile(json)) {
      return new TokenizerConfig(tokens, addBos, template(readObject(json), json), json.toString());
    }
    return new TokenizerConfig(tokens, addBos, template(config, file), file.toString());
  }

  /** {@code chat_template} is text, or a list of {@code {name, template}} of which {@code default} counts. */
  private static Optional<String> template(JsonNode config, Path file) {
    var node = config.path("chat_template");
    if (node.isMissingNode() || node.isNull()) {
      return Optional.empty();
    }
    if (node.isTextual()) {
      return Optional.of(node.textValue());
    }
    if (node.isArray()) {
      for (var entry : node) {
        if (entry.path("name").asText().equals("default") && entry.path("template").isTextual()) {
          return Optional.of(entry.path("template").textValue());
        }
      }
    }
    throw new InvalidInputException(
        file + ", chat_template: expected text, or a list of named templates with one named \"default\"");
  }

  private static Optional<String> text(JsonNode node) {
    if (node.isTextual()) {
      return Optional.of(node.textValue());
    }
    if (node.isObject() && node.path("content").isTextual()) {
      return Optional.of(node.path("content").textValue());
    }
    return Optional.empty();
  }

  private static JsonNode readObject(Path file) {
    if (!Files.isRegularFile(file)) {
      return new ObjectMapper().createObjectNode();
    }
    try {
      var node = new ObjectMapper().readTree(readText(file));
      if (!node.isObject()) {
        throw new InvalidInputException(file + ": expected a JSON object");
      }
      return node;
    } catch (JsonProcessingException e) {
      var where = e.getLocation();
      throw new InvalidInputException(
          "%s is not valid JSON at line %d, column %d: %s"
              .formatted(file, where.getLineNr(), where.getColumnNr(), JsonProblem.of(e)),
          e);
    }
  }

  private static String readText(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read %s as UTF-8 text: %s".formatted(file, e.getMessage()), e);
    }
  }
}
