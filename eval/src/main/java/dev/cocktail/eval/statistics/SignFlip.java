package dev.cocktail.eval.statistics;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Whether it matters which of two arms gave which answers: if it does not, then exchanging the arms' answers to any of
 * the clusters gives a difference as likely as the one seen (R. A. Fisher, The Design of Experiments, 1935). The
 * statistic is computed anew in every exchange. All of an arm's runs are exchanged together.
 *
 * <p>The probability is exact for the runs that there are. It says nothing about other seeds.
 */
public final class SignFlip {
  /** Differences closer than this share of the statistic's scale are the same, apart from rounding. */
  private static final double ROUNDING = 1e-11;

  private final int resamples;
  private final long seed;

  /**
   * A test.
   *
   * @param resamples how many exchanges to draw at random where there are more; all of them where there are not
   */
  public SignFlip(int resamples, long seed) {
    if (resamples < 1) {
      throw new IllegalArgumentException("a test with " + resamples + " exchanges; expected at least one");
    }
    this.resamples = resamples;
    this.seed = seed;
  }

  /**
   * Tests whether two arms differ.
   *
   * @param first the sums of each of an arm's runs
   * @param second those of the other arm: as many, and of the same clusters
   * @return with the mean over runs of the first less that of the second, two-sided p. With all exchanges, p is the
   *     share of those whose difference is at least as far from 0; with B random ones, of which n are, p = (1 + n) / (B
   *     + 1).
   */
  public PermutationResult test(List<ClusterSums> first, List<ClusterSums> second) {
    if (first.isEmpty() || first.size() != second.size()) {
      throw new IllegalArgumentException(
          "arms of " + first.size() + " and " + second.size() + " runs; expected as many of each, at least one");
    }
    Exchange exchange = new Exchange(first, second);
    double seen = exchange.difference();
    Finite.require("a difference", seen);
    double bound = Math.abs(seen) - ROUNDING * Math.max(1, Math.abs(seen));
    int free = exchange.clusters() - 1;
    // Exchanging all clusters only turns the sign round, so that one of them may stay as it is.
    if (free < 31 && 1L << Math.max(0, free) <= resamples) {
      return enumerate(exchange, seen, bound, Math.max(0, free));
    }
    RandomGenerator random = Draws.random(seed);
    int beyond = 0;
    for (int resample = 0; resample < resamples; resample++) {
      exchange.shuffle(random);
      beyond += Math.abs(exchange.difference()) >= bound ? 1 : 0;
    }
    return new PermutationResult(seen, (1.0 + beyond) / (resamples + 1), false, resamples);
  }

  /** All exchanges, each from the one before by one cluster: those of the Gray code. */
  private static PermutationResult enumerate(Exchange exchange, double seen, double bound, int free) {
    int all = 1 << free;
    int beyond = 0;
    for (int arrangement = 0; arrangement < all; arrangement++) {
      if (arrangement > 0) {
        exchange.turn(Integer.numberOfTrailingZeros(arrangement));
      }
      beyond += Math.abs(exchange.difference()) >= bound ? 1 : 0;
    }
    return new PermutationResult(seen, (double) beyond / all, true, all);
  }

  /** The sums of both arms while some clusters are exchanged. Clusters without a difference are left out. */
  private static final class Exchange {
    private final List<ClusterSums> first;
    private final List<ClusterSums> second;
    private final int width;
    private final double[][] changes;
    private final boolean[] exchanged;
    private final double[] moved;
    private final double[][] totals;
    private final double[][] otherTotals;

    Exchange(List<ClusterSums> first, List<ClusterSums> second) {
      this.first = first;
      this.second = second;
      this.width = first.getFirst().width();
      int count = first.getFirst().clusters();
      for (List<ClusterSums> arm : List.of(first, second)) {
        if (arm.stream().anyMatch(run -> run.width() != width || run.clusters() != count)) {
          throw new IllegalArgumentException("runs with different clusters or statistics; expected the same of all");
        }
      }
      this.changes =
          IntStream.range(0, count)
              .mapToObj(this::change)
              .filter(change -> IntStream.range(0, change.length).anyMatch(i -> change[i] != 0))
              .toArray(double[][]::new);
      this.exchanged = new boolean[changes.length];
      this.moved = new double[first.size() * width];
      this.totals = first.stream().map(ClusterSums::total).toArray(double[][]::new);
      this.otherTotals = second.stream().map(ClusterSums::total).toArray(double[][]::new);
    }

    /** What exchanging a cluster adds to the first arm's sums, run by run, and takes from the second's. */
    private double[] change(int cluster) {
      double[] change = new double[first.size() * width];
      for (int i = 0; i < change.length; i++) {
        change[i] = second.get(i / width).sum(cluster, i % width) - first.get(i / width).sum(cluster, i % width);
      }
      return change;
    }

    int clusters() {
      return changes.length;
    }

    void turn(int cluster) {
      double sign = exchanged[cluster] ? -1 : 1;
      exchanged[cluster] = !exchanged[cluster];
      double[] change = changes[cluster];
      for (int i = 0; i < moved.length; i++) {
        moved[i] += sign * change[i];
      }
    }

    void shuffle(RandomGenerator random) {
      Arrays.fill(moved, 0);
      long bits = 0;
      for (int cluster = 0; cluster < changes.length; cluster++) {
        bits = cluster % Long.SIZE == 0 ? random.nextLong() : bits >>> 1;
        if ((bits & 1) != 0) {
          double[] change = changes[cluster];
          for (int i = 0; i < moved.length; i++) {
            moved[i] += change[i];
          }
        }
      }
    }

    double difference() {
      double[] one = new double[width];
      double[] other = new double[width];
      double sum = 0;
      for (int run = 0; run < totals.length; run++) {
        for (int i = 0; i < width; i++) {
          double change = moved[run * width + i];
          one[i] = totals[run][i] + change;
          other[i] = otherTotals[run][i] - change;
        }
        sum += first.get(run).of(one) - second.get(run).of(other);
      }
      return sum / totals.length;
    }
  }
}
