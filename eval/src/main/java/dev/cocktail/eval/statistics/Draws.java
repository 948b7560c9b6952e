package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** Random draws, each of which follows from a seed. */
final class Draws {
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
   * A draw from the chi-squared distribution, which need not have a whole number of degrees of freedom: twice a gamma
   * variate (G. Marsaglia and W. W. Tsang, A simple method for generating gamma variables, 2000).
   */
  static double chiSquared(RandomGenerator random, double degreesOfFreedom) {
    double shape = degreesOfFreedom / 2;
    double boost = 1;
    if (shape < 1) {
      boost = StrictMath.pow(1 - random.nextDouble(), 1 / shape);
      shape++;
    }
    double d = shape - 1.0 / 3;
    double c = 1 / Math.sqrt(9 * d);
    while (true) {
      double x = random.nextGaussian();
      double root = 1 + c * x;
      if (root > 0) {
        double v = root * root * root;
        if (StrictMath.log(1 - random.nextDouble()) < x * x / 2 + d - d * v + d * StrictMath.log(v)) {
          return 2 * boost * d * v;
        }
      }
    }
  }

  /** A draw from Student's t distribution. */
  static double studentT(RandomGenerator random, double degreesOfFreedom) {
    return random.nextGaussian() * Math.sqrt(degreesOfFreedom / chiSquared(random, degreesOfFreedom));
  }

  /** Each of so many clusters, once. */
  static int[] each(int clusters) {
    int[] counts = new int[clusters];
    Arrays.fill(counts, 1);
    return counts;
  }
}
