package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * What the loss of a step is a mean of. Both kinds are sums of token losses, each with a weight that all tokens of the
 * step decide; so they are the same however the step is cut into micro-batches.
 *
 * <p>With n_i supervised tokens of task i in the step and s_i the sum of their losses, {@link Reduction#TOKENS} is the
 * sum of all s_i over the sum of all n_i, and {@link Reduction#TASKS} is the sum of {@code w_i s_i / n_i} over the sum
 * of w_i, both over the tasks that the step has tokens of.
 *
 * @param reduction the kind
 * @param taskWeights w_i, above 0, one a task; empty where tasks weigh the same
 */
public record LossRule(Reduction reduction, List<Double> taskWeights) {
  /** Kinds of means. */
  public enum Reduction {
    /** One mean over all supervised tokens: tasks with long answers count more. */
    TOKENS,
    /** The weighted mean of each task's mean: how long answers are does not matter. */
    TASKS
  }

  /** One mean over all supervised tokens. */
  public static final LossRule TOKENS = new LossRule(Reduction.TOKENS, List.of());

  public LossRule {
    requireNonNull(reduction, "reduction");
    taskWeights = List.copyOf(taskWeights);
    for (Double weight : taskWeights) {
      if (!(weight > 0) || weight.isInfinite()) {
        throw new InvalidInputException("one of the loss_weights is " + weight + "; expected numbers above 0");
      }
    }
    if (reduction == Reduction.TOKENS && !taskWeights.isEmpty()) {
      throw new InvalidInputException("loss_weights are of no use when the loss is one mean over all tokens");
    }
  }

  /** The weighted mean of each task's mean. */
  public static LossRule ofTasks(List<Double> weights) {
    return new LossRule(Reduction.TASKS, weights);
  }

  /**
   * What each supervised token's loss counts in the loss of a step, by the token's task.
   *
   * @param taskCount number of tasks; 0 counts for those of which the step has no token
   */
  public double[] tokenWeights(StepBatch batch, int taskCount) {
    long[] tokens = new long[taskCount];
    for (var micro : batch.microBatches()) {
      for (var sequence : micro.sequences()) {
        tokens[sequence.task()] += sequence.example().supervisedTokens();
      }
    }
    return tokenWeights(tokens);
  }

  private double[] tokenWeights(long[] tokens) {
    long all = 0;
    double taskWeight = 0;
    for (int task = 0; task < tokens.length; task++) {
      all += tokens[task];
      taskWeight += tokens[task] > 0 ? weight(task) : 0;
    }
    double[] weights = new double[tokens.length];
    for (int task = 0; task < tokens.length; task++) {
      if (tokens[task] > 0) {
        weights[task] = reduction == Reduction.TOKENS ? 1.0 / all : weight(task) / taskWeight / tokens[task];
      }
    }
    return weights;
  }

  /** A task's weight as a part of the largest, so that sums cannot overflow. */
  private double weight(int task) {
    return taskWeights.isEmpty() ? 1 : taskWeights.get(task) / Collections.max(taskWeights);
  }

  /**
   * The loss, given what the tasks' tokens add up to; not-a-number without any supervised token.
   *
   * @param sums of the losses of each task's supervised tokens
   * @param tokens how many these are
   */
  public double mean(double[] sums, long[] tokens) {
    long all = Arrays.stream(tokens).sum();
    double[] weights = tokenWeights(tokens);
    double loss = 0;
    for (int task = 0; task < weights.length; task++) {
      loss += reduction == Reduction.TOKENS ? sums[task] : weights[task] * sums[task];
    }
    if (all == 0) {
      return Double.NaN;
    }
    return reduction == Reduction.TOKENS ? loss / all : loss;
  }
}
