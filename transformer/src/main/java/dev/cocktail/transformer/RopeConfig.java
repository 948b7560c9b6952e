package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * How positions become rotations.
 *
 * @param rotaryDim how many leading elements of each head are rotated, even; the rest pass through
 * @param theta the base of the wavelengths: {@code inv_freq_j = theta^(-2j / rotaryDim)}
 * @param shortFactors longrope: divisors of inv_freq, one each, for sequences up to {@code originalMaxPositions}; empty
 *     for plain rotary embeddings
 * @param longFactors longrope: divisors for longer sequences; empty for plain rotary embeddings
 * @param originalMaxPositions longrope: the longest sequence that the short factors serve
 * @param attentionFactor what cosines and sines are multiplied by; 1 for plain rotary embeddings
 */
public record RopeConfig(
    int rotaryDim,
    double theta,
    List<Double> shortFactors,
    List<Double> longFactors,
    int originalMaxPositions,
    double attentionFactor) {
  public RopeConfig {
    shortFactors = List.copyOf(requireNonNull(shortFactors, "shortFactors"));
    longFactors = List.copyOf(requireNonNull(longFactors, "longFactors"));
    if (rotaryDim < 2 || rotaryDim % 2 != 0) {
      throw new IllegalArgumentException("an odd or empty rotary dimension: " + rotaryDim);
    }
    if (shortFactors.size() != longFactors.size()
        || (!shortFactors.isEmpty() && shortFactors.size() != rotaryDim / 2)) {
      throw new IllegalArgumentException(
          shortFactors.size()
              + " short and "
              + longFactors.size()
              + " long factors for a rotary dimension of "
              + rotaryDim);
    }
  }

  /** Plain rotary embeddings. */
  public static RopeConfig plain(int rotaryDim, double theta) {
    return new RopeConfig(rotaryDim, theta, List.of(), List.of(), Integer.MAX_VALUE, 1);
  }

  /** Whether short and long sequences are rotated differently (LongRoPE, Ding et al., 2024). */
  public boolean isLongRope() {
    return !shortFactors.isEmpty();
  }

  /** Whether a sequence of this many tokens (its last position + 1) takes the long factors. */
  public boolean usesLongFactors(int length) {
    return isLongRope() && length > originalMaxPositions;
  }
}
