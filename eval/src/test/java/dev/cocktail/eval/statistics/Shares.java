package dev.cocktail.eval.statistics;

import java.util.Arrays;

/** Right answers over items, where a cluster is given by how many of its items are right; for tests. */
record Shares(double[] right, int[] sizes) implements SumStatistic {
  /** Clusters of one item each. */
  static Shares ofSingles(double... right) {
    int[] sizes = new int[right.length];
    Arrays.fill(sizes, 1);
    return new Shares(right, sizes);
  }

  @Override
  public int width() {
    return 2;
  }

  @Override
  public void add(int item, double[] sums, int at) {
    sums[at] += right[item];
    sums[at + 1] += sizes[item];
  }

  @Override
  public double of(double[] sums) {
    return sums[0] / sums[1];
  }
}
