package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.transformer.text.Message;
import java.util.List;

/** One line of a data set, checked but not yet tokenised. */
public sealed interface SourceRecord {
  /** Where it stands: {@code file:line}. */
  String origin();

  /** {@code {"messages": [{"role", "content"}, ...]}}: the assistant's turns are learnt. */
  record Conversation(String origin, List<Message> messages) implements SourceRecord {
    public Conversation {
      requireNonNull(origin, "origin");
      messages = List.copyOf(messages);
    }
  }

  /** {@code {"prompt", "completion"}}: the completion is learnt. The prompt may be empty. */
  record Completion(String origin, String prompt, String completion) implements SourceRecord {
    public Completion {
      requireNonNull(origin, "origin");
      requireNonNull(prompt, "prompt");
      requireNonNull(completion, "completion");
    }
  }

  /** {@code {"text"}}: all of it is learnt, as in pre-training. */
  record PlainText(String origin, String text) implements SourceRecord {
    public PlainText {
      requireNonNull(origin, "origin");
      requireNonNull(text, "text");
    }
  }
}
