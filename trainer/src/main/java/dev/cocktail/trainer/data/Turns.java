package dev.cocktail.trainer.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads lists of turns in the dialects that people have: {@code {"role", "content"}}, {@code {"from", "value"}} with
 * human and gpt, {@code {"human", "assistant"}} for a question with its answer, and pairs {@code ["question",
 * "answer"]}. Where a file can hold nothing but text, it is the list as JSON.
 *
 * @param row named in messages
 * @param roles what other roles mean
 */
record Turns(DataRow row, Map<String, String> roles) {
  private static final Set<String> ROLES = Set.of("system", "user", Message.ASSISTANT);
  private static final Map<String, String> ROLES_OF_FROM = Map.of("human", "user", "gpt", Message.ASSISTANT);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The turns of a field. */
  List<Message> of(String field) {
    JsonNode list = list(row.fields().get(field));
    if (!list.isArray()) {
      throw row.wrong(
          "\"%s\" is %s; expected a list of {\"role\": ..., \"content\": ...}, or of {\"from\": ..., \"value\": ...}"
              .formatted(field, DataRow.kind(list)));
    }
    List<Message> turns = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      add(turns, list.get(i), "\"" + field + "\"[" + i + "]");
    }
    return turns;
  }

  private static JsonNode list(JsonNode node) {
    if (node.isTextual() && node.textValue().strip().startsWith("[")) {
      try {
        return JSON.readTree(node.textValue());
      } catch (JsonProcessingException _) {
        return node; // Text that is no list: said by the caller.
      }
    }
    return node;
  }

  private void add(List<Message> turns, JsonNode node, String where) {
    if (node.isArray() && node.size() == 2) {
      turns.add(Message.user(text(node.get(0), where + "[0]")));
      turns.add(Message.assistant(text(node.get(1), where + "[1]")));
    } else if (!node.isObject()) {
      throw row.wrong(where + " is " + DataRow.kind(node) + "; expected {\"role\": ..., \"content\": ...}");
    } else if (node.hasNonNull("tool_calls")) {
      throw row.wrong(where + " has \"tool_calls\", which are not supported; write the call into its content");
    } else if (node.has("human") && node.has(Message.ASSISTANT)) {
      turns.add(Message.user(member(node, "human", where)));
      turns.add(Message.assistant(member(node, Message.ASSISTANT, where)));
    } else if (node.has("from") && !node.has("role")) {
      String from = member(node, "from", where);
      turns.add(new Message(role(ROLES_OF_FROM.getOrDefault(from, from), where), member(node, "value", where)));
    } else {
      turns.add(new Message(role(member(node, "role", where), where), member(node, "content", where)));
    }
  }

  private String role(String spelled, String where) {
    String role = roles.getOrDefault(spelled, spelled);
    if (!ROLES.contains(role)) {
      throw row.wrong(
          "%s has the role \"%s\"; expected system, user or assistant, or say which of these it is, such as roles:"
                  .formatted(where, spelled)
              + " {"
              + spelled
              + ": user}");
    }
    return role;
  }

  private String member(JsonNode node, String name, String where) {
    return text(node.get(name), where + ".\"" + name + "\"");
  }

  private String text(JsonNode value, String where) {
    if (value == null) {
      throw row.wrong(where + " is missing; expected text");
    }
    if (!value.isTextual()) {
      throw row.wrong(where + " is " + DataRow.kind(value) + "; expected text");
    }
    return value.textValue();
  }

  /** The text of a field; empty where it is absent, null or blank. */
  Optional<String> optional(String field) {
    JsonNode value = row.fields().get(field);
    return value == null || value.isNull()
        ? Optional.empty()
        : Optional.of(text(value, "\"" + field + "\"")).filter(text -> !text.isBlank());
  }

  /** The text of a field that must be there. */
  String required(String field) {
    return text(row.fields().get(field), "\"" + field + "\"");
  }

  /** The turns of a field that may be absent. */
  List<Message> ofOptional(String field) {
    JsonNode value = row.fields().get(field);
    boolean isAbsent = value == null || value.isNull() || value.isTextual() && value.textValue().isBlank();
    return isAbsent ? List.of() : of(field);
  }
}
