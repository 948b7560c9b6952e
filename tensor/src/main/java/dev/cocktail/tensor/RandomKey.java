package dev.cocktail.tensor;

/**
 * Names one stream of counter-based random numbers. Number {@code i} of a stream depends on nothing but the key and
 * {@code i}: not on threads, order of evaluation, or what was drawn before. Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", 2011) is keyed with {@code seed} (low word first) and its counter is {@code (i /
 * 4, stream)}, each as two 32-bit words, low word first; word {@code i % 4} of the block is the number.
 *
 * @param seed the run's seed
 * @param stream which stream under that seed, such as a step and a site in the model (see {@link #derive})
 */
public record RandomKey(long seed, long stream) {
  /**
   * A stream of its own for a sub-site of this one; chains of derivations give streams that do not meet in practice.
   */
  public RandomKey derive(long site) {
    return new RandomKey(seed, mix(stream * 0x9E3779B97F4A7C15L + site + 0x632BE59BD9B4E019L));
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every input bit reaches every output bit. */
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
