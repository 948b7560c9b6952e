package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;

/**
 * When a run ends. A run ends with the first draw by which the amount is reached; only with {@link Measure#STEPS} the
 * last step is full in any case.
 *
 * @param measure what is counted
 * @param amount above 0; whole, unless epochs are counted
 */
public record StopRule(Measure measure, double amount) {
  /** What is counted. */
  public enum Measure {
    /** As many examples as all tasks have together. */
    EPOCHS("epochs"),
    /** As many examples of the largest task as it has; tasks that are never drawn do not count. */
    EPOCHS_OF_LARGEST("epochs"),
    /** As many examples of the smallest task as it has; tasks that are never drawn do not count. */
    EPOCHS_OF_SMALLEST("epochs"),
    /** Optimiser steps. */
    STEPS("max_steps"),
    /** Examples of any task. */
    EXAMPLES("max_examples"),
    /** Tokens that are learnt, of any task. */
    SUPERVISED_TOKENS("max_supervised_tokens");

    private final String key;

    Measure(String key) {
      this.key = key;
    }

    /** The key of the run file that gives the amount. */
    public String key() {
      return key;
    }

    private boolean isWhole() {
      return !key.equals("epochs");
    }
  }

  public StopRule {
    requireNonNull(measure, "measure");
    if (!(amount > 0) || measure.isWhole() && amount < 1) {
      var found = measure.isWhole() ? String.valueOf((long) amount) : String.valueOf(amount);
      throw new InvalidInputException(
          measure.key() + " is " + found + "; expected " + (measure.isWhole() ? "at least 1" : "more than 0"));
    }
  }

  /** After so many passes over all data; may be a fraction. */
  public static StopRule epochs(double epochs) {
    return new StopRule(Measure.EPOCHS, epochs);
  }

  /** After so many passes over the largest of the tasks. */
  public static StopRule epochsOfLargest(double epochs) {
    return new StopRule(Measure.EPOCHS_OF_LARGEST, epochs);
  }

  /** After so many passes over the smallest of the tasks. */
  public static StopRule epochsOfSmallest(double epochs) {
    return new StopRule(Measure.EPOCHS_OF_SMALLEST, epochs);
  }

  /** After so many optimiser steps. */
  public static StopRule steps(int steps) {
    return new StopRule(Measure.STEPS, steps);
  }

  /** After so many examples. */
  public static StopRule examples(long examples) {
    return new StopRule(Measure.EXAMPLES, examples);
  }

  /** With the example by which so many tokens were learnt. */
  public static StopRule supervisedTokens(long tokens) {
    return new StopRule(Measure.SUPERVISED_TOKENS, tokens);
  }
}
