package dev.cocktail.trainer.data;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import java.util.Arrays;

/** Random orders that are pure functions of a key. */
public final class Permutations {
  private Permutations() {}

  /** The numbers below a size in random order: Fisher and Yates, with whole numbers that are exactly uniform. */
  public static int[] shuffled(int size, RandomKey key) {
    var order = new int[size];
    Arrays.setAll(order, i -> i);
    var word = 0L;
    for (var i = size - 1; i > 0; i--) {
      // A word below the largest multiple of i + 1 leaves a uniform remainder; others are drawn again.
      var bound = i + 1L;
      var limit = (1L << 32) / bound * bound;
      long random;
      do {
        random = Philox.word(key, word++) & 0xFFFFFFFFL;
      } while (random >= limit);
      var j = (int) (random % bound);
      var swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
