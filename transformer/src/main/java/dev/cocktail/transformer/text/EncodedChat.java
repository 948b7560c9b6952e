package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

/**
 * A conversation, or a prompt with its completion, as token ids.
 *
 * @param ids one id a token
 * @param assistant for each token, whether the model is to produce it: what the assistant says, and the token that ends
 *     its turn
 */
public record EncodedChat(int[] ids, boolean[] assistant) {
  public EncodedChat {
    requireNonNull(ids, "ids");
    requireNonNull(assistant, "assistant");
    if (ids.length != assistant.length) {
      throw new IllegalArgumentException(
          "%d ids and %d marks: expected as many of each".formatted(ids.length, assistant.length));
    }
  }

  public int length() {
    return ids.length;
  }

  /** How many tokens the model is to produce. */
  public int assistantTokens() {
    var count = 0;
    for (var mark : assistant) {
      count += mark ? 1 : 0;
    }
    return count;
  }

  /** How many tokens come before the first that the model is to produce; all of them when there is none. */
  public int promptTokens() {
    for (var i = 0; i < assistant.length; i++) {
      if (assistant[i]) {
        return i;
      }
    }
    return assistant.length;
  }
}
