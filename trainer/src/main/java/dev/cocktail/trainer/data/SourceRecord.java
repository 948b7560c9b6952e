package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.transformer.text.Message;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** One record of a data set, checked but not yet tokenised. */
public sealed interface SourceRecord {
  /** Where it stands: {@code file:line}, or {@code file: row n} where a file has no lines. */
  String origin();

  /** What records that are not independent of each other have in common, such as the page they ask about. */
  Optional<String> cluster();

  /** The same record with another cluster. */
  SourceRecord withCluster(String cluster);

  /** What is asked, without a system message: all before the last answer, and where nothing is asked, all of it. */
  String asked();

  /**
   * Messages of which the assistant's are learnt.
   *
   * @param learn which of the assistant's turns
   * @param document the part that may be cut where the whole is too long
   */
  record Conversation(
      String origin, List<Message> messages, Learn learn, Optional<String> cluster, Optional<Document> document)
      implements SourceRecord {
    public Conversation {
      requireNonNull(origin, "origin");
      messages = List.copyOf(messages);
      requireNonNull(learn, "learn");
      requireNonNull(cluster, "cluster");
      requireNonNull(document, "document");
    }

    public Conversation(String origin, List<Message> messages, Optional<String> cluster) {
      this(origin, messages, Learn.ALL, cluster, Optional.empty());
    }

    @Override
    public Conversation withCluster(String other) {
      return new Conversation(origin, messages, learn, Optional.of(other), document);
    }

    @Override
    public String asked() {
      int end = messages.size() - (messages.getLast().isAssistant() ? 1 : 0);
      String asked = words(messages.subList(0, end));
      return asked.isBlank() ? words(messages) : asked;
    }

    private static String words(List<Message> messages) {
      return messages.stream()
          .filter(message -> !message.role().equals("system"))
          .map(Message::content)
          .collect(Collectors.joining(" "));
    }

    /** The same conversation with other words. */
    Conversation with(List<Message> others) {
      return new Conversation(origin, others, learn, cluster, document);
    }
  }

  /** Which of the assistant's turns are learnt. */
  enum Learn {
    ALL,
    LAST
  }

  /**
   * The part of a conversation that may be cut.
   *
   * @param text all of it
   * @param messages the conversation with another text in its place
   */
  record Document(String text, Function<String, List<Message>> messages) {
    public Document {
      requireNonNull(text, "text");
      requireNonNull(messages, "messages");
    }
  }

  /** {@code {"prompt", "completion"}}: the completion is learnt. The prompt may be empty. */
  record Completion(String origin, String prompt, String completion, Optional<String> cluster) implements SourceRecord {
    public Completion {
      requireNonNull(origin, "origin");
      requireNonNull(prompt, "prompt");
      requireNonNull(completion, "completion");
      requireNonNull(cluster, "cluster");
    }

    @Override
    public Completion withCluster(String other) {
      return new Completion(origin, prompt, completion, Optional.of(other));
    }

    @Override
    public String asked() {
      return prompt.isBlank() ? completion : prompt;
    }
  }

  /** {@code {"text"}}: all of it is learnt, as in pre-training. */
  record PlainText(String origin, String text, Optional<String> cluster) implements SourceRecord {
    public PlainText {
      requireNonNull(origin, "origin");
      requireNonNull(text, "text");
      requireNonNull(cluster, "cluster");
    }

    @Override
    public PlainText withCluster(String other) {
      return new PlainText(origin, text, Optional.of(other));
    }

    @Override
    public String asked() {
      return text;
    }
  }
}
