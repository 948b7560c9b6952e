package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Philox} on many blocks at once: each of the four words of a block has a vector of its own, zero-extended to 64
 * bits, so that one multiplication gives the upper and the lower half of a product.
 */
final class PhiloxLanes {
  private static final VectorSpecies<Long> LONGS = Lanes.FLOATS.withLanes(long.class);
  private static final int BLOCKS = LONGS.length();
  private static final long LOW = 0xFFFFFFFFL;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;

  private PhiloxLanes() {}

  /**
   * Writes the words of {@code blocks} blocks from {@code first} on, four a block, in order.
   *
   * @param words at least 4 blocks long
   */
  static void fill(RandomKey key, long first, int blocks, int[] words) {
    long[] keys = roundKeys(key.seed());
    long[] pairs = new long[2 * BLOCKS];
    int block = 0;
    for (; block <= blocks - BLOCKS; block += BLOCKS) {
      vector(first + block, key.stream(), keys, pairs);
      unpack(pairs, words, 4 * block);
    }
    int[] rest = new int[4];
    for (; block < blocks; block++) {
      Philox.block(key, first + block, rest);
      System.arraycopy(rest, 0, words, 4 * block, 4);
    }
  }

  private static long[] roundKeys(long seed) {
    long[] keys = new long[2 * ROUNDS];
    int key0 = (int) seed;
    int key1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      keys[2 * round] = key0 & LOW;
      keys[2 * round + 1] = key1 & LOW;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    return keys;
  }

  /** Leaves the first two words of each block in the lower half of {@code pairs}, the other two in the upper. */
  private static void vector(long first, long stream, long[] keys, long[] pairs) {
    LongVector counter = LongVector.broadcast(LONGS, first).addIndex(1);
    LongVector c0 = counter.and(LOW);
    LongVector c1 = counter.lanewise(VectorOperators.LSHR, 32);
    LongVector c2 = LongVector.broadcast(LONGS, stream & LOW);
    LongVector c3 = LongVector.broadcast(LONGS, stream >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      LongVector product0 = c0.mul(MULTIPLIER_0);
      LongVector product1 = c2.mul(MULTIPLIER_1);
      c0 = product1.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c1)
          .lanewise(VectorOperators.XOR, keys[2 * round]);
      c1 = product1.and(LOW);
      c2 = product0.lanewise(VectorOperators.LSHR, 32).lanewise(VectorOperators.XOR, c3)
          .lanewise(VectorOperators.XOR, keys[2 * round + 1]);
      c3 = product0.and(LOW);
    }
    c0.or(c1.lanewise(VectorOperators.LSHL, 32)).intoArray(pairs, 0);
    c2.or(c3.lanewise(VectorOperators.LSHL, 32)).intoArray(pairs, BLOCKS);
  }

  private static void unpack(long[] pairs, int[] words, int at) {
    for (int block = 0; block < BLOCKS; block++) {
      long low = pairs[block];
      long high = pairs[BLOCKS + block];
      words[at + 4 * block] = (int) low;
      words[at + 4 * block + 1] = (int) (low >>> 32);
      words[at + 4 * block + 2] = (int) high;
      words[at + 4 * block + 3] = (int) (high >>> 32);
    }
  }
}
