package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.NearestName;
import dev.cocktail.transformer.text.Message;
import dev.cocktail.transformer.text.TextTemplate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Makes conversations of records with fields of any names. A value for people, such as a label's name, can stand for a
 * value of a field. What the fields hold is only ever text: it is never executed.
 */
public final class TaskTemplate {
  private static final int LONGEST_SHOWN = 60;

  /** A message of the conversation: who says it, and how. */
  private record Turn(String role, TextTemplate text) {}

  private final List<Turn> turns;
  private final Map<String, String> labels;
  private final Optional<String> label;
  private final Optional<String> document;

  private TaskTemplate(
      List<Turn> turns, Map<String, String> labels, Optional<String> label, Optional<String> document) {
    this.turns = List.copyOf(turns);
    this.labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    this.label = label;
    this.document = document;
  }

  /**
   * A template.
   *
   * @param messages who says what, in Jinja; the last is the assistant's
   * @param labels what stands for each value of the field {@code label}; empty where every value stands for itself
   * @param label the field that labels are for; by default the only one of the last message
   * @param document the field that may be cut where an example is too long
   * @throws InvalidInputException when a text is no template, or when the parts do not fit together
   */
  public static TaskTemplate of(
      List<Message> messages, Map<String, String> labels, Optional<String> label, Optional<String> document) {
    List<Turn> turns = new ArrayList<>();
    messages.forEach(message -> turns.add(new Turn(message.role(), TextTemplate.of(message.content()))));
    if (turns.isEmpty() || !messages.getLast().isAssistant()) {
      throw new IllegalArgumentException("a template that does not end with the assistant's message");
    }
    Set<String> answer = turns.getLast().text().fields();
    Optional<String> labelled = label;
    if (label.isEmpty() && !labels.isEmpty()) {
      if (answer.size() != 1) {
        throw new InvalidInputException(
            "labels: the assistant's text names %s, so it is open which one the labels are for; say it with 'label'"
                .formatted(answer.isEmpty() ? "no field" : "the fields " + String.join(", ", answer)));
      }
      labelled = answer.stream().findFirst();
    }
    if (document.isPresent() && answer.contains(document.get())) {
      throw new InvalidInputException(
          "document: '%s' is part of the answer, which is never cut".formatted(shown(document.get())));
    }
    if (document.isPresent() && turns.stream().noneMatch(turn -> turn.text().fields().contains(document.get()))) {
      throw new InvalidInputException(
          "document: no text of the template names the field '%s'".formatted(shown(document.get())));
    }
    return new TaskTemplate(turns, labels, labelled, document);
  }

  /** A value of the label's field for which there is no label. */
  static final class UnknownLabelException extends InvalidInputException {
    private static final long serialVersionUID = 1L;

    private final String value;

    private UnknownLabelException(String message, String value) {
      super(message);
      this.value = value;
    }

    String value() {
      return value;
    }
  }

  /** Whether a part of the conversations may be cut. */
  public boolean hasDocument() {
    return document.isPresent();
  }

  /**
   * The conversation of a record.
   *
   * @throws InvalidInputException naming the record's origin and what it lacks
   */
  SourceRecord.Conversation apply(DataRow row) {
    Map<String, Object> values = values(row);
    List<Message> messages = render(row, values);
    if (messages.getLast().content().isBlank()) {
      throw row.wrong(
          "the assistant's text is empty, so there is nothing to learn; fill the field, or remove the record");
    }
    Optional<SourceRecord.Document> cuttable = document.map(field -> document(row, field, values));
    return new SourceRecord.Conversation(row.origin(), messages, SourceRecord.Learn.ALL, row.cluster(), cuttable);
  }

  private SourceRecord.Document document(DataRow row, String field, Map<String, Object> values) {
    JsonNode whole = row.fields().get(field);
    if (!whole.isTextual() && !whole.isNull()) {
      throw row.wrong("the document '%s' is %s; expected text".formatted(shown(field), DataRow.kind(whole)));
    }
    return new SourceRecord.Document(
        whole.asText(""),
        text -> {
          Map<String, Object> shorter = new LinkedHashMap<>(values);
          shorter.put(field, text);
          return render(row, shorter);
        });
  }

  private List<Message> render(DataRow row, Map<String, Object> values) {
    List<Message> messages = new ArrayList<>();
    for (Turn turn : turns) {
      try {
        messages.add(new Message(turn.role(), turn.text().render(values)));
      } catch (InvalidInputException e) {
        throw new InvalidInputException(
            "%s: the template's %s text: %s".formatted(row.origin(), turn.role(), e.getMessage()), e);
      }
    }
    return messages;
  }

  /** The fields as templates see them. */
  private Map<String, Object> values(DataRow row) {
    for (Turn turn : turns) {
      for (String field : turn.text().fields()) {
        requireField(row, field, "the template's " + turn.role() + " text");
      }
    }
    label.ifPresent(field -> requireField(row, field, "the template's label"));
    Map<String, Object> values = new LinkedHashMap<>();
    row.fields().properties().forEach(field -> values.put(field.getKey(), value(field.getValue())));
    if (!labels.isEmpty()) {
      values.put(label.orElseThrow(), labelOf(row, label.get()));
    }
    return values;
  }

  private static void requireField(DataRow row, String field, String user) {
    if (!row.fields().has(field)) {
      List<String> names = row.fieldNames();
      throw row.wrong(
          "%s names the field '%s', which this record does not have%s (it has: %s)"
              .formatted(user, shown(field), NearestName.hint(shown(field), names), shown(String.join(", ", names))));
    }
  }

  private String labelOf(DataRow row, String field) {
    JsonNode node = row.fields().get(field);
    String value = node.isValueNode() ? node.asText() : node.toString();
    String name = labels.get(value);
    if (name == null) {
      throw new UnknownLabelException(
          "%s: '%s' of the field '%s' is none of the template's labels (%s)"
              .formatted(row.origin(), shown(value), shown(field), shown(String.join(", ", labels.keySet()))),
          shown(value));
    }
    return name;
  }

  /** A value in Java; numbers that are not whole are text, as the file spells them, and null is empty text. */
  private static Object value(JsonNode node) {
    return switch (node.getNodeType()) {
      case NULL, MISSING -> "";
      case BOOLEAN -> node.booleanValue();
      case NUMBER -> node.canConvertToLong() && node.isIntegralNumber() ? (Object) node.longValue() : node.asText();
      case ARRAY -> {
        List<Object> list = new ArrayList<>();
        node.forEach(element -> list.add(value(element)));
        yield list;
      }
      case OBJECT -> {
        Map<String, Object> map = new LinkedHashMap<>();
        node.properties().forEach(field -> map.put(field.getKey(), value(field.getValue())));
        yield map;
      }
      default -> node.asText();
    };
  }

  private static String shown(String text) {
    requireNonNull(text, "text");
    return text.length() <= LONGEST_SHOWN ? text : text.substring(0, LONGEST_SHOWN) + "...";
  }
}
