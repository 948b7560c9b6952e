package dev.cocktail.trainer.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Takes a record for a conversation, a prompt with its completion, or plain text, by the names of its fields; others
 * are ignored. Where a file can hold nothing but text, {@code messages} is their list as JSON.
 */
final class RecordForm {
  static final String FORMS =
      "expected {\"messages\": [{\"role\": ..., \"content\": ...}, ...]}, or"
          + " {\"prompt\": ..., \"completion\": ...}, or {\"text\": ...}, or a template for the task's own fields";

  private static final Set<String> ROLES = Set.of("system", "user", Message.ASSISTANT);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final DataRow row;

  private RecordForm(DataRow row) {
    this.row = row;
  }

  /**
   * What a record is.
   *
   * @throws dev.cocktail.tensor.InvalidInputException naming the record's origin
   */
  static SourceRecord of(DataRow row) {
    return new RecordForm(row).record();
  }

  private SourceRecord record() {
    var node = row.fields();
    var forms =
        (node.has("messages") ? 1 : 0)
            + (node.has("prompt") || node.has("completion") ? 1 : 0)
            + (node.has("text") && !node.has("prompt") && !node.has("messages") && !node.has("completion") ? 1 : 0);
    if (forms > 1) {
      throw row.wrong("both \"messages\" and \"prompt\" or \"completion\"; expected one of the two forms");
    }
    if (node.has("messages")) {
      return conversation(list(node.get("messages")));
    }
    if (node.has("prompt") || node.has("completion")) {
      return completion(node);
    }
    if (node.has("text")) {
      var plain = text(node, "text", "\"text\"");
      if (plain.isBlank()) {
        throw row.wrong("\"text\" is empty; remove the line");
      }
      return new SourceRecord.PlainText(row.origin(), plain);
    }
    throw row.wrong(
        "none of the fields \"messages\", \"prompt\" and \"completion\", \"text\", but "
            + new TreeSet<>(row.fieldNames())
            + "; "
            + FORMS);
  }

  private SourceRecord completion(JsonNode node) {
    var prompt = text(node, "prompt", "\"prompt\"");
    var completion = text(node, "completion", "\"completion\"");
    if (completion.isBlank()) {
      throw row.wrong("\"completion\" is empty, so there is nothing to learn; remove the line or fill it");
    }
    return new SourceRecord.Completion(row.origin(), prompt, completion, row.cluster());
  }

  private static JsonNode list(JsonNode messages) {
    if (messages.isTextual() && messages.textValue().strip().startsWith("[")) {
      try {
        return JSON.readTree(messages.textValue());
      } catch (JsonProcessingException _) {
        return messages; // Text that is no list: said below.
      }
    }
    return messages;
  }

  private SourceRecord conversation(JsonNode list) {
    if (!list.isArray()) {
      throw row.wrong(
          "\"messages\" is " + DataRow.kind(list) + "; expected a list of {\"role\": ..., \"content\": ...}");
    }
    List<Message> messages = new ArrayList<>();
    for (var i = 0; i < list.size(); i++) {
      var where = "\"messages\"[" + i + "]";
      var node = list.get(i);
      if (!node.isObject()) {
        throw row.wrong(where + " is " + DataRow.kind(node) + "; expected {\"role\": ..., \"content\": ...}");
      }
      if (node.hasNonNull("tool_calls")) {
        throw row.wrong(where + " has \"tool_calls\", which are not supported; write the call into its content");
      }
      var role = text(node, "role", where + ".\"role\"");
      if (!ROLES.contains(role)) {
        throw row.wrong(where + " has the role \"" + role + "\"; expected system, user or assistant");
      }
      messages.add(new Message(role, text(node, "content", where + ".\"content\"")));
    }
    if (messages.stream().noneMatch(message -> message.isAssistant() && !message.content().isBlank())) {
      throw row.wrong(
          "no message of the assistant says anything, so there is nothing to learn; expected at least one with the"
              + " role assistant and a content");
    }
    return new SourceRecord.Conversation(row.origin(), messages, row.cluster());
  }

  private String text(JsonNode node, String field, String where) {
    var value = node.get(field);
    if (value == null) {
      throw row.wrong(where + " is missing; expected text");
    }
    if (!value.isTextual()) {
      throw row.wrong(where + " is " + DataRow.kind(value) + "; expected text");
    }
    return value.textValue();
  }
}
