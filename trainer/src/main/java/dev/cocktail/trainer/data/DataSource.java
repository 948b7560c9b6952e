package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.SourceRecord.Conversation;
import dev.cocktail.trainer.data.SourceRecord.Learn;
import dev.cocktail.transformer.text.Message;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * A file of examples and what is to be made of its records: the one way from any file to training and to questions.
 *
 * @param file JSONL, JSON, CSV or Parquet
 * @param format how it is read
 * @param template turns a record's fields into a conversation; without one, the fields' names say what a record is
 * @param system the system message of conversations that have none
 * @param learn which of the assistant's turns are learnt
 * @param roles what other roles than system, user and assistant mean, such as {@code observation: user}
 */
public record DataSource(
    Path file,
    DataFormat format,
    Optional<TaskTemplate> template,
    Optional<String> system,
    Learn learn,
    Map<String, String> roles) {
  public DataSource {
    roles = Map.copyOf(roles);
    requireNonNull(file, "file");
    requireNonNull(format, "format");
    requireNonNull(template, "template");
    requireNonNull(system, "system");
    requireNonNull(learn, "learn");
  }

  public DataSource(
      Path file, DataFormat format, Optional<TaskTemplate> template, Optional<String> system, Learn learn) {
    this(file, format, template, system, learn, Map.of());
  }

  /** A file whose name says how it is read, of messages, prompts with completions, or plain text. */
  public static DataSource of(Path file) {
    return new DataSource(file, DataFormat.BY_NAME, Optional.empty(), Optional.empty(), Learn.ALL);
  }

  /** Counts labels that a template does not know, to say at once how many there are. */
  private static final class UnknownLabels {
    private static final int MOST_SHOWN = 10;

    private final Map<String, Integer> counts = new TreeMap<>();
    private TaskTemplate.UnknownLabelException first;

    void add(TaskTemplate.UnknownLabelException unknown) {
      first = first == null ? unknown : first;
      counts.merge(unknown.value(), 1, Integer::sum);
    }

    void throwIfAny(long records) {
      if (first == null) {
        return;
      }
      var sum = counts.values().stream().mapToInt(Integer::intValue).sum();
      List<String> values =
          counts.entrySet().stream()
              .limit(MOST_SHOWN)
              .map(count -> "'%s' %,d times".formatted(count.getKey(), count.getValue()))
              .toList();
      throw new InvalidInputException(
          "%s. Of %,d records, %,d have such labels: %s%s"
              .formatted(
                  first.getMessage(),
                  records,
                  sum,
                  String.join(", ", values),
                  counts.size() > MOST_SHOWN ? ", ..." : ""),
          first);
    }
  }

  /**
   * Hands every record of the file on, in order, without keeping them.
   *
   * @return remarks for people on the file as a whole, such as how many records were left out
   * @throws InvalidInputException naming file, line or row, what is wrong and what was expected; also when there is no
   *     record
   */
  public List<String> read(Consumer<? super SourceRecord> consumer) {
    var records = new long[1];
    var kept = new long[1];
    var unknown = new UnknownLabels();
    DataRows.read(
        file,
        format,
        row -> {
          records[0]++;
          try {
            Optional<DataRow> prepared = template.isPresent() ? template.get().prepare(row) : Optional.of(row);
            if (prepared.isEmpty()) {
              return;
            }
            kept[0]++;
            SourceRecord record = record(prepared.get());
            if (unknown.first == null) {
              consumer.accept(record);
            }
          } catch (TaskTemplate.UnknownLabelException e) {
            unknown.add(e);
          }
        });
    unknown.throwIfAny(records[0]);
    if (records[0] == 0) {
      throw new InvalidInputException(
          file + " holds no example, so its task is empty. In a file of JSON lines, " + RecordForm.FORMS);
    }
    if (kept[0] == 0) {
      throw new InvalidInputException(
          "%s: template.where holds of none of the %,d records, so the task is empty".formatted(file, records[0]));
    }
    if (kept[0] == records[0]) {
      return List.of();
    }
    return List.of(
        "%s: %,d of %,d records left out, of which template.where does not hold"
            .formatted(file, records[0] - kept[0], records[0]));
  }

  private SourceRecord record(DataRow row) {
    SourceRecord record = template.isPresent() ? template.get().apply(row, roles) : RecordForm.of(row, roles);
    return switch (record) {
      case Conversation conversation -> completed(conversation);
      case SourceRecord other -> {
        if (system.isPresent() || learn != Learn.ALL) {
          throw row.wrong(
              (system.isPresent() ? "system" : "learn")
                  + " is for conversations, and this record is none; give messages or a template, or remove that key");
        }
        yield other;
      }
    };
  }

  private Conversation completed(Conversation conversation) {
    Optional<SourceRecord.Document> document =
        conversation
            .document()
            .map(whole -> new SourceRecord.Document(whole.text(), text -> withSystem(whole.messages().apply(text))));
    return new Conversation(
        conversation.origin(), withSystem(conversation.messages()), learn, conversation.cluster(), document);
  }

  private List<Message> withSystem(List<Message> messages) {
    if (system.isEmpty() || messages.stream().anyMatch(message -> message.role().equals("system"))) {
      return messages;
    }
    List<Message> all = new ArrayList<>(List.of(Message.system(system.get())));
    all.addAll(messages);
    return all;
  }
}
