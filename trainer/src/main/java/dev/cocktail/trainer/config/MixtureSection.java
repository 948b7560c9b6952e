package dev.cocktail.trainer.config;

import java.util.OptionalLong;

/** {@code mixture}: how the tasks' examples are mixed. */
@Planned({"temperature", "unit", "weights", "stop", "balancer"})
public record MixtureSection(
    @Key(
            value = "Which task comes next: proportional takes every example once an epoch, in random order.",
            defaultsTo = "proportional",
            planned = {"equal", "temperature", "weighted", "round_robin", "curriculum"})
        Strategy strategy,
    @Key(value = "The seed of the order.", whenAbsent = "training.seed") OptionalLong seed) {
  /** Ways to mix. */
  public enum Strategy {
    PROPORTIONAL
  }
}
