package dev.cocktail.eval.statistics;

/** What the items of each cluster add up to, and the statistic that follows from such sums. */
public final class ClusterSums {
  private final SumStatistic statistic;
  private final int clusters;
  private final int width;
  private final double[] sums;

  ClusterSums(Clusters clusters, SumStatistic statistic) {
    this.statistic = statistic;
    this.clusters = clusters.count();
    this.width = statistic.width();
    this.sums = new double[this.clusters * width];
    for (int cluster = 0; cluster < this.clusters; cluster++) {
      for (int item : clusters.members(cluster)) {
        statistic.add(item, sums, cluster * width);
      }
    }
    Finite.require("a sum over the items of a cluster", sums);
  }

  /**
   * The statistic of a draw.
   *
   * @param counts how often each cluster counts, from cluster 0 on; at least one counts
   */
  public double of(int[] counts) {
    double[] total = new double[width];
    for (int cluster = 0, at = 0; cluster < clusters; cluster++, at += width) {
      double count = counts[cluster];
      for (int i = 0; i < width; i++) {
        total[i] += count * sums[at + i];
      }
    }
    return statistic.of(total);
  }

  /** Number of clusters. */
  int clusters() {
    return clusters;
  }

  /** Number of sums of each cluster. */
  int width() {
    return width;
  }

  /** A sum of a cluster. */
  double sum(int cluster, int column) {
    return sums[cluster * width + column];
  }

  /** The sums over all clusters. */
  double[] total() {
    double[] total = new double[width];
    for (int i = 0; i < sums.length; i++) {
      total[i % width] += sums[i];
    }
    return total;
  }

  /** The statistic of other sums than those here. */
  double of(double[] total) {
    return statistic.of(total);
  }
}
