package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Philox} on many blocks at once: each of the four words of a block has a vector of its own, in the lower halves
 * of 64-bit lanes, so that one multiplication gives the upper and the lower half of a product.
 */
final class PhiloxLanes {
  private static final VectorSpecies<Long> LONGS = Lanes.FLOATS.withLanes(long.class);
  private static final int BLOCKS = LONGS.length();

  /** Which lane of the even or odd pairs of words comes where when they are interleaved. */
  private static final VectorShuffle<Long> FIRST_HALF = VectorShuffle.fromOp(LONGS, i -> i / 2);

  private static final VectorShuffle<Long> SECOND_HALF = VectorShuffle.fromOp(LONGS, i -> (BLOCKS + i) / 2);
  private static final VectorMask<Long> ODD_LANES = VectorMask.fromLong(LONGS, 0xAAAA_AAAA_AAAA_AAAAL);
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
    int block = 0;
    // Two lanes gain nothing over the scalar form, and the compiler boxes their shuffles.
    for (; BLOCKS > 2 && block <= blocks - BLOCKS; block += BLOCKS) {
      vector(first + block, key.stream(), keys, words, 4 * block);
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

  private static void vector(long first, long stream, long[] keys, int[] words, int at) {
    // Only the lower halves count. They are cut out right before each multiplication, of the multipliers too: that is
    // how the compiler sees that a product of 32 by 32 bits is all that is asked for.
    LongVector multiplier0 = LongVector.broadcast(LONGS, MULTIPLIER_0).and(LOW);
    LongVector multiplier1 = LongVector.broadcast(LONGS, MULTIPLIER_1).and(LOW);
    LongVector c0 = LongVector.broadcast(LONGS, first).addIndex(1);
    LongVector c1 = c0.lanewise(VectorOperators.LSHR, 32);
    LongVector c2 = LongVector.broadcast(LONGS, stream);
    LongVector c3 = LongVector.broadcast(LONGS, stream >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      LongVector product0 = c0.and(LOW).mul(multiplier0);
      LongVector product1 = c2.and(LOW).mul(multiplier1);
      c0 =
          product1
              .lanewise(VectorOperators.LSHR, 32)
              .lanewise(VectorOperators.XOR, c1)
              .lanewise(VectorOperators.XOR, keys[2 * round]);
      c1 = product1;
      c2 =
          product0
              .lanewise(VectorOperators.LSHR, 32)
              .lanewise(VectorOperators.XOR, c3)
              .lanewise(VectorOperators.XOR, keys[2 * round + 1]);
      c3 = product0;
    }
    LongVector even = c0.and(LOW).or(c1.lanewise(VectorOperators.LSHL, 32));
    LongVector odd = c2.and(LOW).or(c3.lanewise(VectorOperators.LSHL, 32));
    interleave(even, odd, 0).intoArray(words, at);
    interleave(even, odd, 1).intoArray(words, at + 2 * BLOCKS);
  }

  /** Half of {@code even[0], odd[0], even[1], odd[1], ...}, as words. */
  private static IntVector interleave(LongVector even, LongVector odd, int half) {
    VectorShuffle<Long> pairs = half == 0 ? FIRST_HALF : SECOND_HALF;
    return even.rearrange(pairs).blend(odd.rearrange(pairs), ODD_LANES).reinterpretAsInts();
  }
}
