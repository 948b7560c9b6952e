package dev.cocktail.trainer.config;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.DumperOptions;
import org.yaml.snakeyaml.Yaml;

/**
 * Puts a run together without a file, by the keys that a run file has; what is not set has its default, and everything
 * is checked as a file is.
 *
 * <pre>{@code
 * RunFile run =
 *     RunFile.builder(modelFolder, outputFolder)
 *         .task("news", newsFile)
 *         .task("headlines", headlinesFile)
 *         .set("tasks.news.validation", newsValidationFile)
 *         .set("adapter.r", 16)
 *         .set("mixture.strategy", "uniform")
 *         .set("training.max_steps", 100)
 *         .build();
 * }</pre>
 */
public final class RunFileBuilder {
  private static final String TASKS = "tasks";

  private final Map<String, Object> sections = new LinkedHashMap<>();
  private final Map<String, Map<String, Object>> tasks = new LinkedHashMap<>();

  RunFileBuilder(Path model, Path output) {
    sections.put("model", value(model));
    sections.put("output", value(output));
  }

  /**
   * Adds a task.
   *
   * @param train its training examples
   * @throws InvalidInputException when there is a task of this name
   */
  public RunFileBuilder task(String name, Path train) {
    Map<String, Object> task = new LinkedHashMap<>();
    task.put("name", name);
    task.put("train", value(train));
    if (tasks.putIfAbsent(name, task) != null) {
      throw new InvalidInputException("'" + name + "' is already the name of another task");
    }
    return this;
  }

  /**
   * Sets a key.
   *
   * @param key as README's table of keys writes it, such as {@code training.epochs}; a key of a task begins with {@code
   *     tasks.} and its name, such as {@code tasks.news.validation}
   * @param value a number, a text, a boolean, a path (a relative one starts from the current folder), or a list or map
   *     of these
   * @throws InvalidInputException when the key names a task that was not added; whether there is such a key is found by
   *     {@link #build}
   */
  public RunFileBuilder set(String key, Object value) {
    String[] words = key.split("\\.");
    Map<String, Object> section = sections;
    int word = 0;
    if (words[0].equals(TASKS)) {
      section = words.length < 3 ? null : tasks.get(words[1]);
      word = 2;
      if (section == null) {
        throw new InvalidInputException(
            "'" + key + "': expected tasks.NAME.KEY with the name of a task that was added before: " + tasks.keySet());
      }
    }
    for (; word < words.length - 1; word++) {
      section = child(section, words[word]);
    }
    section.put(words[words.length - 1], value(value));
    return this;
  }

  @SuppressWarnings("unchecked") // Only this class puts maps there.
  private static Map<String, Object> child(Map<String, Object> section, String name) {
    Object child = section.computeIfAbsent(name, _ -> new LinkedHashMap<String, Object>());
    if (!(child instanceof Map)) {
      throw new InvalidInputException("'" + name + "' has a value already, and so no keys below it");
    }
    return (Map<String, Object>) child;
  }

  /** A value as YAML has it. */
  private static Object value(Object value) {
    return switch (requireNonNull(value, "value")) {
      case Path path -> path.toAbsolutePath().normalize().toString();
      case List<?> list -> list.stream().map(RunFileBuilder::value).toList();
      case Map<?, ?> map -> {
        Map<String, Object> values = new LinkedHashMap<>();
        map.forEach((name, inner) -> values.put(String.valueOf(name), value(inner)));
        yield values;
      }
      default -> value;
    };
  }

  /**
   * The run.
   *
   * @throws InvalidInputException naming the key, what was expected and what to do
   */
  public RunFile build() {
    sections.put(TASKS, new ArrayList<>(tasks.values()));
    var options = new DumperOptions();
    options.setDefaultFlowStyle(DumperOptions.FlowStyle.BLOCK);
    return RunFile.parse(new Yaml(options).dump(sections), "the run", Path.of(""), "run");
  }
}
