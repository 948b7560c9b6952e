package dev.cocktail.trainer.config;

import dev.cocktail.trainer.data.MixtureRule;
import dev.cocktail.trainer.data.MixtureRule.Strategy;
import dev.cocktail.trainer.data.MixtureRule.Unit;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** {@code mixture}: how the tasks' examples are mixed. */
@Planned({"stop", "balancer"})
public record MixtureSection(
    @Key(
            value =
                "What a task's share is: proportional to its size n (every example once an epoch), uniform, temperature"
                    + " (n^(1/T)), capped (min(n, cap)^(1/T)), weights (given), or sequential (one task after"
                    + " another).",
            defaultsTo = "proportional",
            planned = {"round_robin", "curriculum"})
        Strategy strategy,
    @Key(
            value =
                "For strategy weights: a number for each task, such as {news: 2, tweets: 1}; shares are proportional to"
                    + " them, and 0 leaves a task out.",
            whenAbsent = "none",
            atLeast = 0,
            atMost = 1e9)
        TaskNumbers weights,
    @Key(value = "T of the strategies temperature and capped.", whenAbsent = "1.0 for capped", above = 0, atMost = 1e9)
        OptionalDouble temperature,
    @Key(value = "For strategy capped: what a larger size counts as, in the unit.", whenAbsent = "none", atLeast = 1)
        OptionalLong cap,
    @Key(
            value =
                "What sizes and shares are counted in: examples, or supervised_tokens, which makes examples with long"
                    + " answers as much rarer as they are longer.",
            defaultsTo = "examples")
        Unit unit,
    @Key(
            value =
                "Whether an example may come again before all others of its task came; otherwise a task's examples are"
                    + " shuffled anew each time they are through.",
            defaultsTo = "false")
        boolean replacement,
    @Key(value = "The seed of the order.", whenAbsent = "training.seed") OptionalLong seed)
    implements Checked {
  /** The same for tasks of these names, in their order. */
  public MixtureRule rule(List<String> taskNames) {
    return new MixtureRule(
        strategy,
        weights.isEmpty() ? List.of() : weights.of(taskNames, 0),
        temperature.orElse(1),
        cap.orElse(Long.MAX_VALUE),
        unit,
        replacement);
  }

  @Override
  public void check(Place place) {
    String found = "the strategy is " + strategy.name().toLowerCase(Locale.ROOT);
    if (!weights.isEmpty() && strategy != Strategy.WEIGHTS) {
      throw place.wrong("weights", "is for 'strategy: weights', but " + found + "; change one of the two");
    }
    if (weights.isEmpty() && strategy == Strategy.WEIGHTS) {
      throw place.wrong("weights", found + ", which needs a number for each task, such as {news: 2, tweets: 1}");
    }
    if (!weights.isEmpty() && weights.byTask().values().stream().allMatch(weight -> weight == 0)) {
      throw place.wrong("weights", "sum to zero, so no task would be drawn; expected at least one above 0");
    }
    if (temperature.isPresent() && strategy != Strategy.TEMPERATURE && strategy != Strategy.CAPPED) {
      throw place.wrong("temperature", "is for the strategies temperature and capped, but " + found + "; remove one");
    }
    if (temperature.isEmpty() && strategy == Strategy.TEMPERATURE) {
      throw place.wrong("temperature", found + ", which needs its T, such as 'temperature: 2'");
    }
    if (cap.isPresent() && strategy != Strategy.CAPPED) {
      throw place.wrong("cap", "is for 'strategy: capped', but " + found + "; remove one");
    }
    if (cap.isEmpty() && strategy == Strategy.CAPPED) {
      throw place.wrong("cap", found + ", which needs a size, such as 'cap: 2000'");
    }
    if (unit == Unit.SUPERVISED_TOKENS && strategy == Strategy.SEQUENTIAL) {
      throw place.wrong("unit", found + ", which has no shares that could be counted in supervised_tokens; remove one");
    }
  }
}
