package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.Tensor;
import java.util.Random;
import java.util.stream.DoubleStream;

/**
 * Whole tensors as arrays. A reference operation reads all its inputs before it writes anything, so outputs that share
 * memory with inputs need no thought.
 */
public final class Values {
  private Values() {}

  public static double[] read(Tensor tensor) {
    double[] values = new double[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.get(i);
    }
    return values;
  }

  public static int[] readInts(Tensor tensor) {
    int[] values = new int[Math.toIntExact(tensor.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = tensor.getInt(i);
    }
    return values;
  }

  public static void write(Tensor tensor, double[] values) {
    for (int i = 0; i < values.length; i++) {
      tensor.set(i, values[i]);
    }
  }

  public static void add(Tensor tensor, double[] values) {
    for (int i = 0; i < values.length; i++) {
      tensor.set(i, tensor.get(i) + values[i]);
    }
  }

  /** Writes, or adds where {@code accumulate} is true. */
  public static void store(Tensor tensor, boolean accumulate, double[] values) {
    if (accumulate) {
      add(tensor, values);
    } else {
      write(tensor, values);
    }
  }

  /** Standard normal numbers. */
  public static double[] normal(Random random, long count) {
    return DoubleStream.generate(random::nextGaussian).limit(count).toArray();
  }

  public static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  public static int rows(Tensor matrix) {
    return Math.toIntExact(matrix.dim(0));
  }

  public static int columns(Tensor matrix) {
    return Math.toIntExact(matrix.dim(1));
  }
}
