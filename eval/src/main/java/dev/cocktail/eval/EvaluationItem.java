package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.transformer.text.Message;
import java.util.List;
import java.util.Optional;

/**
 * One question of a task.
 *
 * @param origin where it stands, for messages: {@code file:line}
 * @param prompt what the model gets
 * @param gold the right answer, as the data set spells it
 * @param cluster what items that are not independent of each other have in common, such as the page they ask about;
 *     empty when the item stands alone
 */
public record EvaluationItem(String origin, Prompt prompt, String gold, Optional<String> cluster) {
  /** What the model gets. */
  public sealed interface Prompt {}

  /** A conversation that the assistant is to continue, through the model's chat template. */
  public record Chat(List<Message> messages) implements Prompt {
    public Chat {
      messages = List.copyOf(messages);
    }
  }

  /** Text as it stands. */
  public record Plain(String text) implements Prompt {
    public Plain {
      requireNonNull(text, "text");
    }
  }

  public EvaluationItem {
    requireNonNull(origin, "origin");
    requireNonNull(prompt, "prompt");
    requireNonNull(gold, "gold");
    requireNonNull(cluster, "cluster");
  }
}
