package dev.cocktail.tensor;

/**
 * Philox4x32-10: ten rounds of multiply and xor turn a 128-bit counter and a 64-bit key into four random words. The
 * scalar form that defines the numbers every device draws; see {@link RandomKey} for how keys and counters are filled.
 */
public final class Philox {
  private static final int MULTIPLIER_0 = 0xD2511F53;
  private static final int MULTIPLIER_1 = 0xCD9E8D57;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;

  private Philox() {}

  /** Writes the four words of block {@code block} of a stream to {@code out[0..3]}. */
  public static void block(RandomKey key, long block, int[] out) {
    int c0 = (int) block;
    int c1 = (int) (block >>> 32);
    int c2 = (int) key.stream();
    int c3 = (int) (key.stream() >>> 32);
    int k0 = (int) key.seed();
    int k1 = (int) (key.seed() >>> 32);
    for (int round = 0; round < 10; round++) {
      long product0 = (MULTIPLIER_0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long product1 = (MULTIPLIER_1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  /** Word {@code index} of a stream. */
  public static int word(RandomKey key, long index) {
    int[] out = new int[4];
    block(key, index >> 2, out);
    return out[(int) (index & 3)];
  }

  /** A word as a float in [0, 1): its upper 24 bits times 2^-24, exact. */
  public static float toUnitFloat(int word) {
    return (word >>> 8) * 0x1.0p-24f;
  }
}
