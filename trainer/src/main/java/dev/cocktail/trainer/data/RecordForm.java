package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.transformer.text.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Takes a record for what it is by the names of its fields; others are ignored.
 *
 * <ul>
 *   <li>{@code messages}: a conversation; {@code conversations} or {@code conversation}: the same as ShareGPT and its
 *       kin have it, with an optional {@code system}.
 *   <li>{@code prompt} and {@code completion}.
 *   <li>{@code instruction}, {@code output} and perhaps {@code input}, {@code history} and {@code system}, as Alpaca
 *       has it: instruction and input are the user's words, on lines of their own. The same with {@code query} and
 *       {@code response}.
 *   <li>{@code text}: plain text.
 * </ul>
 */
final class RecordForm {
  static final String FORMS =
      "expected {\"messages\": [{\"role\": ..., \"content\": ...}, ...]}, or {\"prompt\": ..., \"completion\": ...}, or"
          + " {\"conversations\": [{\"from\": ..., \"value\": ...}, ...]}, or {\"instruction\": ..., \"output\": ...},"
          + " or {\"text\": ...}, or a template for the task's own fields";

  private final DataRow row;
  private final Turns turns;

  private RecordForm(DataRow row, Map<String, String> roles) {
    this.row = row;
    this.turns = new Turns(row, roles);
  }

  /**
   * What a record is.
   *
   * @param roles what other roles than system, user and assistant mean
   * @throws dev.cocktail.tensor.InvalidInputException naming the record's origin
   */
  static SourceRecord of(DataRow row, Map<String, String> roles) {
    return new RecordForm(row, roles).record();
  }

  private SourceRecord record() {
    ObjectNode fields = row.fields();
    boolean isCompletion = fields.has("prompt") || fields.has("completion");
    if (fields.has("messages")) {
      if (isCompletion) {
        throw row.wrong("both \"messages\" and \"prompt\" or \"completion\"; expected one of the two forms");
      }
      return conversation(turns.of("messages"));
    }
    if (isCompletion) {
      return completion();
    }
    for (String field : List.of("conversations", "conversation")) {
      if (fields.has(field)) {
        return conversation(withSystem(turns.of(field)));
      }
    }
    if (fields.has("instruction") && fields.has("output")) {
      return instruction("instruction", "output");
    }
    if (fields.has("query") && fields.has("response")) {
      return instruction("query", "response");
    }
    if (fields.has("text")) {
      String plain = turns.required("text");
      if (plain.isBlank()) {
        throw row.wrong("\"text\" is empty; remove the line");
      }
      return new SourceRecord.PlainText(row.origin(), plain, row.cluster());
    }
    throw row.wrong(
        "none of the fields \"messages\", \"prompt\" and \"completion\", \"conversations\", \"instruction\" and"
            + " \"output\", \"text\", but "
            + new TreeSet<>(row.fieldNames())
            + "; "
            + FORMS);
  }

  private SourceRecord completion() {
    String prompt = turns.required("prompt");
    String completion = turns.required("completion");
    if (completion.isBlank()) {
      throw row.wrong("\"completion\" is empty, so there is nothing to learn; remove the line or fill it");
    }
    return new SourceRecord.Completion(row.origin(), prompt, completion, row.cluster());
  }

  private SourceRecord instruction(String asked, String answered) {
    List<String> words = new ArrayList<>();
    turns.optional(asked).ifPresent(words::add);
    turns.optional("input").ifPresent(words::add);
    if (words.isEmpty()) {
      throw row.wrong("\"" + asked + "\" is empty, so nothing is asked; remove the line or fill it");
    }
    List<Message> messages = new ArrayList<>(turns.ofOptional("history"));
    messages.add(Message.user(String.join("\n", words)));
    messages.add(Message.assistant(turns.required(answered)));
    if (messages.getLast().content().isBlank()) {
      throw row.wrong("\"" + answered + "\" is empty, so there is nothing to learn; remove the line or fill it");
    }
    return conversation(withSystem(messages));
  }

  private List<Message> withSystem(List<Message> messages) {
    List<Message> all = new ArrayList<>(messages);
    if (messages.stream().noneMatch(message -> message.role().equals("system"))) {
      turns.optional("system").ifPresent(system -> all.addFirst(Message.system(system)));
    }
    return all;
  }

  private SourceRecord conversation(List<Message> messages) {
    if (messages.stream().noneMatch(message -> message.isAssistant() && !message.content().isBlank())) {
      throw row.wrong(
          "no message of the assistant says anything, so there is nothing to learn; expected at least one with the"
              + " role assistant and a content");
    }
    return new SourceRecord.Conversation(row.origin(), messages, row.cluster());
  }
}
