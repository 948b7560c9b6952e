package dev.cocktail.trainer.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A name for each of some values, such as {@code {0: negative, 1: neutral}}.
 *
 * @param byValue names by the values as the data spell them, in the order of the file
 */
public record ValueNames(Map<String, String> byValue) {
  /** No names. */
  public static final ValueNames NONE = new ValueNames(Map.of());

  public ValueNames {
    byValue = Collections.unmodifiableMap(new LinkedHashMap<>(byValue));
  }
}
