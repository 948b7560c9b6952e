package dev.cocktail.trainer.data;

import java.util.List;

/**
 * What a task's examples amount to.
 *
 * @param examples number of examples
 * @param dropped examples that were left out for being too long
 * @param tokens number of tokens of all examples
 * @param supervisedTokens number of tokens that are learnt
 * @param longest number of tokens of the longest example
 */
public record TaskStatistics(int examples, int dropped, long tokens, long supervisedTokens, int longest) {
  /** The statistics of examples. */
  public static TaskStatistics of(List<Example> examples, int dropped) {
    var tokens = 0L;
    var supervised = 0L;
    var longest = 0;
    for (var example : examples) {
      tokens += example.length();
      supervised += example.supervisedTokens();
      longest = Math.max(longest, example.length());
    }
    return new TaskStatistics(examples.size(), dropped, tokens, supervised, longest);
  }

  /**
   * The part of the tokens that is learnt, of those that could be: the first token of an example cannot, since nothing
   * comes before it. 0 when there is none.
   */
  public double supervisedShare() {
    var learnable = tokens - examples;
    return learnable == 0 ? 0 : (double) supervisedTokens / learnable;
  }

  /** The mean number of tokens of an example. */
  public double meanLength() {
    return examples == 0 ? 0 : (double) tokens / examples;
  }
}
