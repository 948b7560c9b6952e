package dev.cocktail.transformer.text;

import java.util.Map;

/** A chat template; rendering follows. */
public final class ChatTemplate {
  static ChatTemplate of(String name, String source, Map<String, String> specialTokens) {
    return new ChatTemplate();
  }
}
