package dev.cocktail.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.statistics.ClusterSums;
import dev.cocktail.eval.statistics.Clusters;
import dev.cocktail.eval.statistics.SumStatistic;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class MetricStatisticsTest {
  /** Any draw of clusters gives what the metric of the drawn items is. */
  @Property(tries = 200)
  void anyDrawGivesTheMetricOfItsItems(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 30) int items, @ForAll Metric metric) {
    var random = new Random(seed);
    List<List<Outcome>> runs = List.of(outcomes(metric, items, random), outcomes(metric, items, random));
    List<Optional<String>> keys = new ArrayList<>();
    for (int item = 0; item < items; item++) {
      keys.add(random.nextInt(3) == 0 ? Optional.empty() : Optional.of("page " + random.nextInt(5)));
    }
    Clusters clusters = Clusters.of(keys);
    int[] counts = random.ints(clusters.count(), 0, 3).toArray();
    counts[random.nextInt(counts.length)]++;
    List<SumStatistic> sums = metric.statistics(runs);
    for (int run = 0; run < 2; run++) {
      ClusterSums ofClusters = clusters.sums(sums.get(run));
      List<Outcome> drawn = new ArrayList<>();
      for (int item = 0; item < items; item++) {
        for (int time = 0; time < counts[cluster(keys, item)]; time++) {
          drawn.add(runs.get(run).get(item));
        }
      }
      assertThat(ofClusters.of(counts)).isCloseTo(metric.of(drawn).orElseThrow(), within(1e-12));
    }
    assertThat(sums.get(0).width()).isEqualTo(sums.get(1).width());
  }

  /** The number of an item's cluster: clusters come in the order of their first items. */
  private static int cluster(List<Optional<String>> keys, int item) {
    List<Integer> firsts = new ArrayList<>();
    for (int i = 0; i < keys.size(); i++) {
      int first = keys.get(i).isEmpty() ? i : keys.indexOf(keys.get(i));
      if (first == i) {
        firsts.add(i);
      }
      if (i == item) {
        return firsts.indexOf(first);
      }
    }
    throw new IllegalArgumentException("item " + item);
  }

  private static List<Outcome> outcomes(Metric metric, int items, Random random) {
    List<Outcome> outcomes = new ArrayList<>();
    for (int item = 0; item < items; item++) {
      String gold = "label " + random.nextInt(3);
      Optional<String> read = random.nextInt(6) == 0 ? Optional.empty() : Optional.of("label " + random.nextInt(4));
      // What counts as right among texts and numbers need not be equal.
      boolean right =
          metric.form() == Metric.Form.LABELS
              ? read.equals(Optional.of(gold))
              : read.isPresent() && random.nextBoolean();
      outcomes.add(new Outcome(gold, read, right, random.nextDouble()));
    }
    return outcomes;
  }
}
