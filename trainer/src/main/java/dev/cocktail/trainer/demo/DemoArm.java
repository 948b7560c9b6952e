package dev.cocktail.trainer.demo;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One of the models that the demo compares.
 *
 * @param name in files and reports
 * @param tasks what its adapter learns; none for the base model, which has no adapter
 */
record DemoArm(String name, List<DemoTask> tasks) {
  static final DemoArm BASE = new DemoArm("base", List.of());
  static final DemoArm COCKTAIL = new DemoArm("cocktail", List.of(DemoTask.values()));

  DemoArm {
    requireNonNull(name, "name");
    tasks = List.copyOf(tasks);
  }

  /** The adapter that learns one task only. */
  static DemoArm alone(DemoTask task) {
    return new DemoArm(task.label() + "-alone", List.of(task));
  }

  /** All that are compared: the base model, an adapter for each task, and one for all of them. */
  static List<DemoArm> all() {
    List<DemoArm> arms = new ArrayList<>(List.of(BASE));
    for (DemoTask task : DemoTask.values()) {
      arms.add(alone(task));
    }
    arms.add(COCKTAIL);
    return arms;
  }

  /** The run file's name, where something is trained. */
  Optional<String> runFile() {
    return tasks.isEmpty() ? Optional.empty() : Optional.of(name + ".yaml");
  }

  /** The name for people. */
  String title() {
    return tasks.isEmpty() ? "base, no adapter" : name.replace('-', ' ');
  }
}
