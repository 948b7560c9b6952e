package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.InvalidInputException;
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
 * Makes conversations, or plain text, of records with fields of any names. A value for people, such as a label's name,
 * can stand for a value of a field. What the fields hold is only ever text: it is never executed.
 */
public final class TaskTemplate {
  /** Stands for a role where there is no conversation. */
  private static final String PLAIN = "plain";

  /** A message of the conversation: who says it, and how. */
  private record Turn(String role, TextTemplate text) {}

  /** What precedes the turns: a condition on records, and fields that are made of a record's own. */
  private record Preparation(Optional<TextTemplate> where, Map<String, TextTemplate> fields) {
    private static final Preparation NONE = new Preparation(Optional.empty(), Map.of());
  }

  private final List<Turn> turns;
  private final Map<String, String> labels;
  private final Optional<String> label;
  private final Optional<String> document;
  private final Optional<String> history;
  private final Preparation preparation;

  private TaskTemplate(
      List<Turn> turns,
      Map<String, String> labels,
      Optional<String> label,
      Optional<String> document,
      Optional<String> history,
      Preparation preparation) {
    this.turns = List.copyOf(turns);
    this.labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    this.label = label;
    this.document = document;
    this.history = history;
    this.preparation = preparation;
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
    return new TaskTemplate(turns, labels, labelled, document, Optional.empty(), Preparation.NONE);
  }

  /**
   * A template of plain text, all of which is learnt, as in pre-training.
   *
   * @param text in Jinja
   * @throws InvalidInputException when it is no template
   */
  public static TaskTemplate ofText(String text) {
    return new TaskTemplate(
        List.of(new Turn(PLAIN, TextTemplate.of(text))),
        Map.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Preparation.NONE);
  }

  /**
   * The same with earlier turns of each record's own, after a system message and before all other turns.
   *
   * @param field a list of turns; a record may lack it
   */
  public TaskTemplate withHistory(String field) {
    return new TaskTemplate(turns, labels, label, document, Optional.of(field), preparation);
  }

  /**
   * The same for records of which a condition holds; others are left out.
   *
   * @param condition in Jinja, such as {@code year == '2019'}, of the record's own fields
   * @throws InvalidInputException when it is no condition
   */
  public TaskTemplate where(String condition) {
    TextTemplate where = TextTemplate.of("{% if " + condition + " %}yes{% endif %}");
    return new TaskTemplate(
        turns, labels, label, document, history, new Preparation(Optional.of(where), preparation.fields()));
  }

  /** A text that is empty unless a condition holds. */
  public static String condition(String condition) {
    return "{% if " + condition + " %}yes{% endif %}";
  }

  /**
   * The same with fields that are made of a record's own before all else; one of the same name is replaced.
   *
   * @param fields by name, in Jinja; each may use those before it
   * @throws InvalidInputException when one is no template
   */
  public TaskTemplate withFields(Map<String, String> fields) {
    Map<String, TextTemplate> made = new LinkedHashMap<>();
    fields.forEach((name, text) -> made.put(name, TextTemplate.of(text)));
    return new TaskTemplate(turns, labels, label, document, history, new Preparation(preparation.where(), made));
  }

  /** The record with the fields that are made; empty when the condition does not hold. */
  Optional<DataRow> prepare(DataRow row) {
    if (preparation.where().isPresent()) {
      TextTemplate where = preparation.where().get();
      where.fields().forEach(field -> row.require(field, "the template's condition"));
      if (rendered(row, where, plainValues(row), "the template's condition").isEmpty()) {
        return Optional.empty();
      }
    }
    if (preparation.fields().isEmpty()) {
      return Optional.of(row);
    }
    DataRow made = new DataRow(row.origin(), row.fields().deepCopy());
    preparation
        .fields()
        .forEach((name, text) -> {
          String user = "the template's field '" + shown(name) + "'";
          text.fields().forEach(field -> made.require(field, user));
          made.fields().put(name, rendered(made, text, plainValues(made), user));
        });
    return Optional.of(made);
  }

  private static String rendered(DataRow row, TextTemplate text, Map<String, Object> values, String user) {
    try {
      return text.render(values);
    } catch (InvalidInputException e) {
      throw new InvalidInputException("%s: %s: %s".formatted(row.origin(), user, e.getMessage()), e);
    }
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
   * The conversation or text of a record.
   *
   * @param row as {@link #prepare} made it
   * @param roles what other roles of its history mean
   * @throws InvalidInputException naming the record's origin and what it lacks
   */
  SourceRecord apply(DataRow row, Map<String, String> roles) {
    Map<String, Object> values = values(row);
    if (turns.getFirst().role().equals(PLAIN)) {
      String text = rendered(row, turns.getFirst().text(), values, "the template's text");
      if (text.isBlank()) {
        throw row.wrong("the template's text is empty, so there is nothing to learn; remove the record");
      }
      return new SourceRecord.PlainText(row.origin(), text, row.cluster());
    }
    List<Message> earlier = history.map(field -> new Turns(row, roles).ofOptional(field)).orElse(List.of());
    List<Message> messages = render(row, values, earlier);
    if (messages.getLast().content().isBlank()) {
      throw row.wrong(
          "the assistant's text is empty, so there is nothing to learn; fill the field, or remove the record");
    }
    Optional<SourceRecord.Document> cuttable = document.map(field -> document(row, field, values, earlier));
    return new SourceRecord.Conversation(row.origin(), messages, SourceRecord.Learn.ALL, row.cluster(), cuttable);
  }

  private SourceRecord.Document document(DataRow row, String field, Map<String, Object> values, List<Message> earlier) {
    JsonNode whole = row.fields().get(field);
    if (!whole.isTextual() && !whole.isNull()) {
      throw row.wrong("the document '%s' is %s; expected text".formatted(shown(field), DataRow.kind(whole)));
    }
    return new SourceRecord.Document(
        whole.asText(""),
        text -> {
          Map<String, Object> shorter = new LinkedHashMap<>(values);
          shorter.put(field, text);
          return render(row, shorter, earlier);
        });
  }

  private List<Message> render(DataRow row, Map<String, Object> values, List<Message> earlier) {
    List<Message> messages = new ArrayList<>();
    for (Turn turn : turns) {
      String text = rendered(row, turn.text(), values, "the template's " + turn.role() + " text");
      if (!turn.role().equals("system") || !text.isBlank()) {
        messages.add(new Message(turn.role(), text));
      }
    }
    messages.addAll(messages.getFirst().role().equals("system") ? 1 : 0, earlier);
    return messages;
  }

  /** The fields as templates see them. */
  private Map<String, Object> values(DataRow row) {
    for (Turn turn : turns) {
      for (String field : turn.text().fields()) {
        row.require(
            field, turn.role().equals(PLAIN) ? "the template's text" : "the template's " + turn.role() + " text");
      }
    }
    label.ifPresent(field -> row.require(field, "the template's label"));
    Map<String, Object> values = plainValues(row);
    if (!labels.isEmpty()) {
      values.put(label.orElseThrow(), labelOf(row, label.get()));
    }
    return values;
  }

  private static Map<String, Object> plainValues(DataRow row) {
    Map<String, Object> values = new LinkedHashMap<>();
    row.fields().properties().forEach(field -> values.put(field.getKey(), value(field.getValue())));
    return values;
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
    return DataRow.shown(text);
  }
}
