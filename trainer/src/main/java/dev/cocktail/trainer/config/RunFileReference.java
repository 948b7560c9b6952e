package dev.cocktail.trainer.config;

import java.util.stream.Collectors;

/** The list of all keys of the run file, for help and README. */
public final class RunFileReference {
  private static final int KEY_WIDTH = 30;

  private RunFileReference() {}

  /** The list for a terminal: a line for each key and its default, and one for its meaning. */
  public static String text() {
    return RunFile.keys().stream()
        .map(key -> "  %s (%s)%n      %s".formatted(pad(key.path()), key.defaultText(), key.meaning()))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  private static String pad(String path) {
    return path + " ".repeat(Math.max(0, KEY_WIDTH - path.length()));
  }
}
