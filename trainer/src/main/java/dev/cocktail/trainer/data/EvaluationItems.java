package dev.cocktail.trainer.data;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.Message;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Reads a data set as questions with right answers: of a conversation the assistant's last message is the answer, of a
 * prompt its completion. A field {@code cluster}, text or a whole number, says which items are not independent.
 */
public final class EvaluationItems {
  private EvaluationItems() {}

  /** Reads a file whose name says how it is read; see {@link #read(DataSource)}. */
  public static List<EvaluationItem> read(Path file) {
    return read(DataSource.of(file));
  }

  /**
   * Reads all items.
   *
   * @throws InvalidInputException naming file, line or row, what is wrong and what was expected
   */
  public static List<EvaluationItem> read(DataSource source) {
    return read(source, _ -> {});
  }

  /** As {@link #read(DataSource)}, with the reader's remarks on the file. */
  public static List<EvaluationItem> read(DataSource source, Consumer<String> notes) {
    List<EvaluationItem> items = new ArrayList<>();
    source.read(record -> items.add(item(record))).forEach(notes);
    return items;
  }

  /** Items of which some documents were cut. */
  public record Fitted(List<EvaluationItem> items, int cut) {
    public Fitted {
      items = List.copyOf(items);
    }
  }

  /**
   * Reads all items and cuts documents as training does, leaving room for the longest of all right answers, so that
   * what is left of a document does not give its own answer away. Items without a document, and those whose rest alone
   * is too long, stay as they are.
   */
  public static Fitted readCut(DataSource source, DocumentCut cut, Consumer<String> notes) {
    List<SourceRecord> records = new ArrayList<>();
    source.read(records::add).forEach(notes);
    String longest =
        records.stream()
            .map(record -> item(record).gold())
            .max(Comparator.comparingInt(gold -> cut.encoder().tokenizer().encode(gold, false).length))
            .orElse("");
    List<EvaluationItem> items = new ArrayList<>();
    int count = 0;
    for (SourceRecord record : records) {
      SourceRecord fitted = record;
      if (record instanceof SourceRecord.Conversation conversation) {
        var found = cut.fit(conversation, messages -> answered(messages, longest));
        count += found.filter(result -> result.removedTokens() > 0).isPresent() ? 1 : 0;
        fitted = found.map(DocumentCut.Cut::conversation).orElse(conversation);
      }
      items.add(item(fitted));
    }
    return new Fitted(items, count);
  }

  private static List<Message> answered(List<Message> messages, String answer) {
    List<Message> others = new ArrayList<>(messages.subList(0, messages.size() - 1));
    others.add(Message.assistant(answer));
    return others;
  }

  private static EvaluationItem item(SourceRecord record) {
    return switch (record) {
      case SourceRecord.Conversation conversation -> {
        var last = conversation.messages().getLast();
        if (!last.isAssistant() || last.content().isBlank()) {
          throw new InvalidInputException(
              record.origin()
                  + ": the last message is not an answer of the assistant; expected the right answer there");
        }
        var asked = conversation.messages().subList(0, conversation.messages().size() - 1);
        yield new EvaluationItem(record.origin(), new Chat(asked), last.content(), record.cluster());
      }
      case SourceRecord.Completion pair ->
          new EvaluationItem(record.origin(), new Plain(pair.prompt()), pair.completion(), record.cluster());
      case SourceRecord.PlainText _ ->
          throw new InvalidInputException(
              record.origin()
                  + ": {\"text\"} has no question and right answer; expected {\"messages\": [...]} that ends with the"
                  + " assistant's answer, or {\"prompt\": ..., \"completion\": ...}");
    };
  }
}
