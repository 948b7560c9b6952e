package dev.cocktail.trainer.data;

import java.util.Arrays;
import java.util.List;

/**
 * What a task's examples amount to.
 *
 * @param examples number of examples
 * @param tokens number of tokens of all examples
 * @param supervisedTokens number of tokens that are learnt
 * @param median number of tokens that half of the examples do not exceed
 * @param percentile95 number of tokens that 95 of 100 examples do not exceed
 * @param longest number of tokens of the longest example
 * @param lost what did not become part of them
 */
public record TaskStatistics(
    int examples, long tokens, long supervisedTokens, int median, int percentile95, int longest, Lost lost) {
  /**
   * What was too long.
   *
   * @param dropped examples that were left out
   * @param cut examples whose document was cut
   * @param cutTokens tokens that those documents lost
   */
  public record Lost(int dropped, int cut, long cutTokens) {
    /** Nothing was too long. */
    public static final Lost NOTHING = new Lost(0, 0, 0);
  }

  /** The statistics of examples. */
  public static TaskStatistics of(List<Example> examples, Lost lost) {
    var lengths = examples.stream().mapToInt(Example::length).sorted().toArray();
    var supervised = examples.stream().mapToLong(Example::supervisedTokens).sum();
    return new TaskStatistics(
        lengths.length,
        Arrays.stream(lengths).asLongStream().sum(),
        supervised,
        quantile(lengths, 50),
        quantile(lengths, 95),
        quantile(lengths, 100),
        lost);
  }

  /** The smallest length that at least so many of 100 examples do not exceed; 0 when there is none. */
  private static int quantile(int[] sorted, int percent) {
    return sorted.length == 0 ? 0 : sorted[(int) Math.ceilDiv((long) percent * sorted.length, 100L) - 1];
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
