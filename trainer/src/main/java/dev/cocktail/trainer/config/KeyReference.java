package dev.cocktail.trainer.config;

import java.util.List;
import java.util.stream.Collectors;

/** The lists of all keys of run files and study files, for help. */
public final class KeyReference {
  private static final int KEY_WIDTH = 30;

  private KeyReference() {}

  /** A list for a terminal: a line for each key and its default, and one for its meaning. */
  public static String text(List<KeyInfo> keys) {
    return keys.stream()
        .map(key -> "  %s (%s)%n      %s".formatted(pad(key.path()), key.defaultText(), key.meaning()))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  private static String pad(String path) {
    return path + " ".repeat(Math.max(0, KEY_WIDTH - path.length()));
  }
}
