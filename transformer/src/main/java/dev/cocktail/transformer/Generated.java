package dev.cocktail.transformer;

import java.util.Arrays;

/**
 * A continued prompt.
 *
 * @param promptIds the prompt
 * @param ids what was added, the stop token included where one ended it
 * @param finish why it ended
 */
public record Generated(int[] promptIds, int[] ids, Finish finish) {
  /** Why a continuation ended. */
  public enum Finish {
    /** The model gave a stop token. */
    STOP,
    /** As many tokens were made as were asked for, or as the context holds. */
    LENGTH;

    /** The name in output files: {@code stop} or {@code length}. */
    public String label() {
      return this == STOP ? "stop" : "length";
    }
  }

  /** What was added, without the stop token. */
  public int[] answerIds() {
    return finish == Finish.STOP ? Arrays.copyOf(ids, ids.length - 1) : ids.clone();
  }
}
