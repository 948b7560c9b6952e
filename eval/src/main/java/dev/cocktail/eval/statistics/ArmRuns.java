package dev.cocktail.eval.statistics;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What is compared, an arm: the runs of one configuration with several seeds, each run's statistic of its answers to
 * the same items.
 *
 * @param clusters which of the items are not independent
 * @param runs what each run's answers add up to, at least one run
 */
public record ArmRuns(Clusters clusters, List<ClusterSums> runs) {
  public ArmRuns {
    requireNonNull(clusters, "clusters");
    runs = List.copyOf(runs);
    if (runs.isEmpty()) {
      throw new IllegalArgumentException("an arm without runs; expected one for each seed");
    }
  }

  /** An arm of its runs' statistics. */
  public static ArmRuns of(Clusters clusters, List<? extends SumStatistic> runs) {
    return new ArmRuns(clusters, runs.stream().map(clusters::sums).toList());
  }

  /** Each run's statistic of all items. */
  public double[] values() {
    int[] counts = Draws.each(clusters.count());
    double[] values = runs.stream().mapToDouble(run -> run.of(counts)).toArray();
    Finite.require("the statistic of a run", values);
    return values;
  }
}
