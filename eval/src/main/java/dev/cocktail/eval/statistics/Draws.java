package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Random draws, each of which follows from a seed. */
final class Draws {
  /** From so many degrees of freedom on, Wilson's and Hilferty's approximation is closer than any use of it needs. */
  private static final int APPROXIMATE_FROM = 30;

  private Draws() {}

  /** Random numbers that follow from a seed. */
  static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  /** Draws as many clusters as there are, with replacement; {@code counts} becomes how often each was drawn. */
  static void clusters(RandomGenerator random, int[] counts) {
    Arrays.fill(counts, 0);
    for (int i = 0; i < counts.length; i++) {
      counts[random.nextInt(counts.length)]++;
    }
  }

  /** The first {@code some} numbers become a random choice out of all, in random order. */
  static void choose(RandomGenerator random, int[] numbers, int some) {
    for (int i = 0; i < some; i++) {
      int other = i + random.nextInt(numbers.length - i);
      int kept = numbers[i];
      numbers[i] = numbers[other];
      numbers[other] = kept;
    }
  }

  /**
   * A draw from the chi-squared distribution: a sum of squares of normal draws, or, for many of them, what E. B. Wilson
   * and M. M. Hilferty (The distribution of chi-square, 1931) made of one draw z: f (1 - 2/(9f) + z sqrt(2/(9f)))^3.
   */
  static double chiSquared(RandomGenerator random, int degreesOfFreedom) {
    if (degreesOfFreedom >= APPROXIMATE_FROM) {
      double ninth = 2.0 / (9.0 * degreesOfFreedom);
      double root = 1 - ninth + random.nextGaussian() * Math.sqrt(ninth);
      return degreesOfFreedom * root * root * root;
    }
    double sum = 0;
    for (int i = 0; i < degreesOfFreedom; i++) {
      double normal = random.nextGaussian();
      sum += normal * normal;
    }
    return sum;
  }

  /** A draw from Student's t distribution. */
  static double studentT(RandomGenerator random, int degreesOfFreedom) {
    return random.nextGaussian() * Math.sqrt(degreesOfFreedom / chiSquared(random, degreesOfFreedom));
  }

  /** Each of so many clusters, once. */
  static int[] each(int clusters) {
    int[] counts = new int[clusters];
    Arrays.fill(counts, 1);
    return counts;
  }
}
