package dev.cocktail.trainer.data;

/**
 * What a mixture knows of a task.
 *
 * @param examples number of examples, at least 1
 * @param supervisedTokens number of tokens of all its examples that are learnt
 */
public record TaskSize(int examples, long supervisedTokens) {
  public TaskSize {
    if (examples < 1 || supervisedTokens < 0) {
      throw new IllegalArgumentException(
          "a task of " + examples + " examples with " + supervisedTokens + " supervised tokens");
    }
  }

  /** The size of a task's data. */
  public static TaskSize of(TaskData task) {
    return new TaskSize(task.examples().size(), task.statistics().supervisedTokens());
  }

  /** Mean number of supervised tokens of an example. */
  public double tokensPerExample() {
    return (double) supervisedTokens / examples;
  }
}
