package dev.cocktail.trainer.study;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.Optional;

/**
 * One way to train, which a study trains with several seeds.
 *
 * @param name also that of its folder
 * @param kind what it is there for
 * @param tasks what it learns, in the study's order
 * @param target the task that a control or a rival is for; empty for mixtures
 */
public record Arm(String name, Kind kind, List<String> tasks, Optional<String> target) {
  /** What an arm is there for. */
  public enum Kind {
    /** Some of the tasks, one alone among them, for as long as the study says. */
    MIXTURE,
    /** A target alone, with as many examples of it as the reference mixture draws. */
    SAME_EXAMPLES,
    /** A target alone, for as many optimiser steps. */
    SAME_STEPS,
    /** A target alone, for as many supervised tokens. */
    SAME_TOKENS,
    /** A target alone, with other settings: one of as many trials as there are mixtures. */
    RIVAL;

    /** Whether its budget is that of the reference mixture. */
    public boolean isControl() {
      return this == SAME_EXAMPLES || this == SAME_STEPS || this == SAME_TOKENS;
    }
  }

  public Arm {
    requireNonNull(name, "name");
    requireNonNull(kind, "kind");
    tasks = List.copyOf(tasks);
    requireNonNull(target, "target");
  }

  /** Some of the tasks. */
  static Arm mixture(TaskSets sets, List<String> tasks) {
    return new Arm(sets.name(tasks), Kind.MIXTURE, tasks, Optional.empty());
  }

  /** Whether it is one task and nothing else, trained as mixtures are. */
  public boolean isSingle() {
    return kind == Kind.MIXTURE && tasks.size() == 1;
  }
}
