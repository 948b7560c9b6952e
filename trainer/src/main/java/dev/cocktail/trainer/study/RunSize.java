package dev.cocktail.trainer.study;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How large a run is; known before it runs.
 *
 * @param steps optimiser steps
 * @param tokens all tokens that are computed
 * @param supervisedTokens those of them that are learnt
 * @param examples how many examples are drawn of each task
 */
public record RunSize(int steps, long tokens, long supervisedTokens, Map<String, Long> examples) {
  public RunSize {
    examples = Collections.unmodifiableMap(new LinkedHashMap<>(examples));
  }

  /** Tells how large runs are. */
  @FunctionalInterface
  public interface Measure {
    /** How large a run is. */
    RunSize of(dev.cocktail.trainer.config.RunFile run);
  }
}
