package dev.cocktail.trainer.data;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;

/**
 * Which example each draw of one task takes. Without replacement, the task's examples come in random order, in another
 * one each time they are through, so none repeats before all others came. With replacement, each draw takes any example
 * with equal probability (within n / 2^64 for n examples), whatever came before.
 */
final class ExampleOrder {
  /** One time through the examples. */
  private record Pass(long number, int[] order) {}

  private final int size;
  private final boolean replacement;
  private final RandomKey key;
  private volatile Pass latest;

  /**
   * The order of a task.
   *
   * @param size number of examples
   * @param key of this task alone
   */
  ExampleOrder(int size, boolean replacement, RandomKey key) {
    this.size = size;
    this.replacement = replacement;
    this.key = key;
  }

  /**
   * The example of a draw.
   *
   * @param rank counts the draws of this task, from 0
   */
  int example(long rank) {
    if (replacement) {
      var words = new int[4];
      Philox.block(key, rank, words);
      var random = (long) words[0] << 32 | words[1] & 0xFFFFFFFFL;
      return (int) Math.unsignedMultiplyHigh(random, size);
    }
    var number = rank / size;
    var pass = latest;
    if (pass == null || pass.number() != number) {
      pass = new Pass(number, Permutations.shuffled(size, key.derive(number)));
      latest = pass;
    }
    return pass.order()[(int) (rank % size)];
  }
}
