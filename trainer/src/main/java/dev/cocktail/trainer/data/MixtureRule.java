package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * How tasks are to be mixed, before their sizes are known.
 *
 * <pre>{@code
 * Mixture mixture = MixtureRule.temperature(2).mix(List.of(new TaskSize(10_000, 30_000), new TaskSize(2_000, 4_000)), 42);
 * mixture.draws(0, 10).forEach(System.out::println);
 * }</pre>
 *
 * @param strategy what each task's share depends on
 * @param weights for {@link Strategy#WEIGHTS}: one a task, 0 or more, not all 0; empty otherwise
 * @param temperature T, above 0; 1 where it has no part in the strategy
 * @param cap for {@link Strategy#CAPPED}: what a larger size counts as, in the unit
 * @param unit what sizes and shares are counted in
 * @param replacement whether examples may repeat before the task's others came
 */
public record MixtureRule(
    Strategy strategy, List<Double> weights, double temperature, long cap, Unit unit, boolean replacement) {
  /** What shares are; n is a task's size in the unit. */
  public enum Strategy {
    /** In proportion to n. */
    PROPORTIONAL,
    /** The same for every task. */
    UNIFORM,
    /** In proportion to n^(1/T): T = 1 is proportional, a large T nearly uniform. */
    TEMPERATURE,
    /** In proportion to min(n, cap)^(1/T), as T5 was trained. */
    CAPPED,
    /** In proportion to given weights. */
    WEIGHTS,
    /** One task after another, in their order. */
    SEQUENTIAL
  }

  /** What sizes and shares are counted in. */
  public enum Unit {
    EXAMPLES,
    /** Tokens that are learnt; a task's share of the draws is such that its share of these tokens is as meant. */
    SUPERVISED_TOKENS
  }

  public MixtureRule {
    requireNonNull(strategy, "strategy");
    requireNonNull(unit, "unit");
    weights = List.copyOf(weights);
    if (!(temperature > 0)) {
      throw new InvalidInputException("temperature is " + temperature + "; expected above 0");
    }
    if (cap < 1) {
      throw new InvalidInputException("cap is " + cap + "; expected at least 1");
    }
    if (weights.isEmpty() == (strategy == Strategy.WEIGHTS)) {
      throw new InvalidInputException("weights belong to the strategy weights, and it needs them");
    }
    requireWeights(weights);
  }

  private static void requireWeights(List<Double> weights) {
    for (var weight : weights) {
      if (!(weight >= 0) || weight.isInfinite()) {
        throw new InvalidInputException("one of the weights is " + weight + "; expected numbers of 0 or more");
      }
    }
    if (!weights.isEmpty() && Collections.max(weights) == 0) {
      throw new InvalidInputException("all weights are 0; expected at least one above");
    }
  }

  private static MixtureRule of(Strategy strategy, List<Double> weights, double temperature, long cap) {
    return new MixtureRule(strategy, weights, temperature, cap, Unit.EXAMPLES, false);
  }

  /** Every example of every task once an epoch, all shuffled together. */
  public static MixtureRule proportional() {
    return of(Strategy.PROPORTIONAL, List.of(), 1, Long.MAX_VALUE);
  }

  /** Every task as often as any other. */
  public static MixtureRule uniform() {
    return of(Strategy.UNIFORM, List.of(), 1, Long.MAX_VALUE);
  }

  /** In proportion to n^(1/T). */
  public static MixtureRule temperature(double temperature) {
    return of(Strategy.TEMPERATURE, List.of(), temperature, Long.MAX_VALUE);
  }

  /** In proportion to min(n, cap)^(1/T). */
  public static MixtureRule capped(long cap, double temperature) {
    return of(Strategy.CAPPED, List.of(), temperature, cap);
  }

  /** In proportion to weights, one a task; a task with weight 0 is not drawn. */
  public static MixtureRule weights(List<Double> weights) {
    return of(Strategy.WEIGHTS, weights, 1, Long.MAX_VALUE);
  }

  /** One task after another. */
  public static MixtureRule sequential() {
    return of(Strategy.SEQUENTIAL, List.of(), 1, Long.MAX_VALUE);
  }

  /** The same rule with sizes and shares in supervised tokens. */
  public MixtureRule inSupervisedTokens() {
    return new MixtureRule(strategy, weights, temperature, cap, Unit.SUPERVISED_TOKENS, replacement);
  }

  /** The same rule with examples that may repeat before the task's others came. */
  public MixtureRule withReplacement() {
    return new MixtureRule(strategy, weights, temperature, cap, unit, true);
  }

  /** The planned share of each task in the unit; they add up to 1. */
  public double[] shares(List<TaskSize> tasks) {
    requireTasks(tasks);
    var logarithms =
        tasks.stream()
            .mapToDouble(task -> unit == Unit.EXAMPLES ? task.examples() : task.supervisedTokens())
            .map(size ->
                switch (strategy) {
                  case PROPORTIONAL, SEQUENTIAL -> Math.log(size);
                  case TEMPERATURE -> Math.log(size) / temperature;
                  case CAPPED -> Math.log(Math.min(size, cap)) / temperature;
                  case UNIFORM, WEIGHTS -> 0;
                })
            .toArray();
    // Powers of the largest's parts: none of them overflows, however small T is.
    var largest = Arrays.stream(logarithms).max().orElseThrow();
    var shares = Arrays.stream(logarithms).map(logarithm -> Math.exp(logarithm - largest)).toArray();
    for (var task = 0; task < shares.length && strategy == Strategy.WEIGHTS; task++) {
      shares[task] = weights.get(task) / Collections.max(weights);
    }
    return normalised(shares);
  }

  /**
   * The planned part of the draws of each task; they add up to 1. In supervised tokens these are the shares divided by
   * the mean number of supervised tokens of an example.
   */
  public double[] rates(List<TaskSize> tasks) {
    var rates = shares(tasks);
    for (var task = 0; task < rates.length && unit == Unit.SUPERVISED_TOKENS; task++) {
      rates[task] /= tasks.get(task).tokensPerExample();
    }
    return normalised(rates);
  }

  private static double[] normalised(double[] parts) {
    var sum = Arrays.stream(parts).sum();
    return Arrays.stream(parts).map(part -> part / sum).toArray();
  }

  /**
   * The mixture of tasks of these sizes.
   *
   * @param tasks at least one
   */
  public Mixture mix(List<TaskSize> tasks, long seed) {
    requireTasks(tasks);
    var sizes = tasks.stream().map(TaskSize::examples).toList();
    if (strategy == Strategy.SEQUENTIAL) {
      return new SequentialMixture(sizes, replacement, seed);
    }
    if (strategy == Strategy.PROPORTIONAL && !replacement) {
      return new ProportionalMixture(sizes, seed);
    }
    return new JitteredMixture(sizes, rates(tasks), replacement, seed);
  }

  private void requireTasks(List<TaskSize> tasks) {
    if (tasks.isEmpty()) {
      throw new IllegalArgumentException("a mixture without tasks");
    }
    if (strategy == Strategy.WEIGHTS && weights.size() != tasks.size()) {
      throw new InvalidInputException("weights for %d tasks, but there are %d".formatted(weights.size(), tasks.size()));
    }
    if (unit == Unit.SUPERVISED_TOKENS && tasks.stream().anyMatch(task -> task.supervisedTokens() == 0)) {
      throw new InvalidInputException("a task without supervised tokens cannot have a share of them");
    }
  }
}
