package dev.cocktail.trainer.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A number for each of some tasks, such as {@code {news: 2, tweets: 0.5}}.
 *
 * @param byTask numbers by the tasks' names, in the order of the file
 */
public record TaskNumbers(Map<String, Double> byTask) {
  /** A number for no task. */
  public static final TaskNumbers NONE = new TaskNumbers(Map.of());

  public TaskNumbers {
    byTask = Collections.unmodifiableMap(new LinkedHashMap<>(byTask));
  }

  /** Whether there is no number. */
  public boolean isEmpty() {
    return byTask.isEmpty();
  }

  /** The numbers of these tasks only. */
  TaskNumbers only(List<String> names) {
    Map<String, Double> kept = new LinkedHashMap<>(byTask);
    kept.keySet().retainAll(names);
    return new TaskNumbers(kept);
  }

  /** The tasks' numbers in the order of these names. */
  public List<Double> of(List<String> names, double ofOthers) {
    return names.stream().map(name -> byTask.getOrDefault(name, ofOthers)).toList();
  }
}
