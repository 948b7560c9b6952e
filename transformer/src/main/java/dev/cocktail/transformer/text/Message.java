package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

/**
 * One turn of a conversation.
 *
 * @param role who speaks, as the model's chat template names it: {@code system}, {@code user}, {@code assistant}
 * @param content what is said; may be empty
 */
public record Message(String role, String content) {
  /** The role whose turns a model is trained on. */
  public static final String ASSISTANT = "assistant";

  public Message {
    requireNonNull(role, "role");
    requireNonNull(content, "content");
  }

  public static Message system(String content) {
    return new Message("system", content);
  }

  public static Message user(String content) {
    return new Message("user", content);
  }

  public static Message assistant(String content) {
    return new Message(ASSISTANT, content);
  }

  public boolean isAssistant() {
    return role.equals(ASSISTANT);
  }
}
