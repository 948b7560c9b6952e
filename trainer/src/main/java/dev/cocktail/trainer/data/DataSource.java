package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.data.SourceRecord.Conversation;
import dev.cocktail.trainer.data.SourceRecord.Learn;
import dev.cocktail.transformer.text.Message;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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
 * @param cluster fields that say together which records are not independent; empty for the field {@code cluster}
 * @param part the part of the file that is read; empty for all of it
 */
public record DataSource(
    Path file,
    DataFormat format,
    Optional<TaskTemplate> template,
    Optional<String> system,
    Learn learn,
    Map<String, String> roles,
    List<String> cluster,
    Optional<DataPart> part) {
  public DataSource {
    roles = Map.copyOf(roles);
    cluster = List.copyOf(cluster);
    requireNonNull(part, "part");
    requireNonNull(file, "file");
    requireNonNull(format, "format");
    requireNonNull(template, "template");
    requireNonNull(system, "system");
    requireNonNull(learn, "learn");
  }

  public DataSource(
      Path file, DataFormat format, Optional<TaskTemplate> template, Optional<String> system, Learn learn) {
    this(file, format, template, system, learn, Map.of(), List.of(), Optional.empty());
  }

  /** A file whose name says how it is read, of messages, prompts with completions, or plain text. */
  public static DataSource of(Path file) {
    return new DataSource(file, DataFormat.BY_NAME, Optional.empty(), Optional.empty(), Learn.ALL);
  }

  /** All of the file, whatever part of it this is. */
  public DataSource whole() {
    return new DataSource(file, format, template, system, learn, roles, cluster, Optional.empty());
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
    var reading = new Reading(consumer);
    List<String> remarks = new ArrayList<>(DataRows.read(file, format, reading::take));
    reading.requireSome();
    if (reading.chosen < reading.records) {
      remarks.addFirst(
          "%s: %,d of %,d records left out, of which template.where does not hold"
              .formatted(file, reading.records - reading.chosen, reading.records));
    }
    return remarks;
  }

  /** What became of the records so far. */
  private final class Reading {
    private final Consumer<? super SourceRecord> consumer;
    private final UnknownLabels unknown = new UnknownLabels();
    private long records;

    /** Those of which the template's condition holds. */
    private long chosen;

    /** Of these, those in the part. */
    private long handed;

    Reading(Consumer<? super SourceRecord> consumer) {
      this.consumer = consumer;
    }

    void take(DataRow row) {
      records++;
      Optional<DataRow> prepared = template.isPresent() ? template.get().prepare(row) : Optional.of(row);
      if (prepared.isEmpty()) {
        return;
      }
      chosen++;
      // A record of another part need not be rendered, where its cluster says so.
      Optional<String> key = cluster.isEmpty() ? Optional.empty() : Optional.of(clusterOf(prepared.get()));
      if (key.isPresent() && !isInPart(key.get())) {
        return;
      }
      try {
        SourceRecord record = record(prepared.get(), key);
        if (key.isPresent() || isInPart(NormalText.of(record.cluster().orElseGet(record::asked)))) {
          handed++;
          if (unknown.first == null) {
            consumer.accept(record);
          }
        }
      } catch (TaskTemplate.UnknownLabelException e) {
        handed++;
        unknown.add(e);
      }
    }

    private boolean isInPart(String key) {
      return part.isEmpty() || part.get().has(key);
    }

    void requireSome() {
      unknown.throwIfAny(part.isEmpty() ? records : handed);
      if (records == 0) {
        throw new InvalidInputException(
            file + " holds no example, so its task is empty. In a file of JSON lines, " + RecordForm.FORMS);
      }
      if (chosen == 0) {
        throw new InvalidInputException(
            "%s: template.where holds of none of the %,d records, so the task is empty".formatted(file, records));
      }
      if (handed == 0) {
        throw new InvalidInputException(
            "%s: none of the %,d records falls into the part for %s; raise its share under split, or name a file"
                .formatted(file, chosen, part.orElseThrow().kind().name().toLowerCase(Locale.ROOT)));
      }
    }
  }

  private SourceRecord record(DataRow row, Optional<String> key) {
    SourceRecord record = template.isPresent() ? template.get().apply(row, roles) : RecordForm.of(row, roles);
    SourceRecord clustered = key.isEmpty() ? record : record.withCluster(key.get());
    return switch (clustered) {
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

  private String clusterOf(DataRow row) {
    List<String> values = new ArrayList<>();
    for (String field : cluster) {
      JsonNode value = row.require(field, "cluster");
      values.add(NormalText.of(value.isValueNode() ? value.asText() : value.toString()));
    }
    return String.join(" | ", values);
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
