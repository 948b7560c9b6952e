package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class ClusterBootstrapTest {
  private static ItemStatistic mean(double... values) {
    return items -> Arrays.stream(items).mapToDouble(item -> values[item]).average().orElseThrow();
  }

  private static ItemStatistic metric(Metric metric, List<Outcome> outcomes) {
    return items -> metric.of(Arrays.stream(items).mapToObj(outcomes::get).toList()).orElseThrow();
  }

  @Test
  void theIntervalOfAShareIsThatOfItsBinomialDistribution() {
    // 60 of 100: over draws the share has mean 0.6 and deviation sqrt(0.6 * 0.4 / 100) = 0.049, so that the interval
    // is 0.6 -+ 1.96 * 0.049, rounded to hundredths because shares of 100 are.
    double[] right = new double[100];
    Arrays.fill(right, 0, 60, 1);

    Estimate estimate = new ClusterBootstrap(Clusters.ofSingles(100), 10_000, 1).estimate(mean(right), 0.95);

    assertThat(estimate.value()).isEqualTo(0.6);
    assertThat(estimate.interval().low()).isCloseTo(0.504, within(0.011));
    assertThat(estimate.interval().high()).isCloseTo(0.696, within(0.011));
  }

  @Test
  void itemsThatAlwaysAgreeCountOnce() {
    // 50 sources asked four times with the same outcome are 50 observations: the interval is that of 50, not of 200.
    double[] once = new double[50];
    Arrays.fill(once, 0, 30, 1);
    double[] fourTimes = new double[200];
    Arrays.fill(fourTimes, 0, 120, 1);
    List<Optional<String>> sources = new ArrayList<>();
    for (int item = 0; item < 200; item++) {
      sources.add(Optional.of("source " + item / 4));
    }

    Interval clustered =
        new ClusterBootstrap(Clusters.of(sources), 2_000, 3).estimate(mean(fourTimes), 0.95).interval();

    assertThat(clustered)
        .isEqualTo(new ClusterBootstrap(Clusters.ofSingles(50), 2_000, 3).estimate(mean(once), 0.95).interval());
    Interval naive = new ClusterBootstrap(Clusters.ofSingles(200), 2_000, 3).estimate(mean(fourTimes), 0.95).interval();
    assertThat(clustered.high() - clustered.low()).isGreaterThan(1.7 * (naive.high() - naive.low()));
  }

  @Test
  void bothArmsSeeTheSameDraws() {
    // Arms that differ by a constant differ by it in every draw; unpaired draws would spread.
    double[] second = RandomGenerator.of("L64X128MixRandom").doubles(40).toArray();
    double[] first = Arrays.stream(second).map(value -> value + 0.25).toArray();

    PairedDifference difference =
        new ClusterBootstrap(Clusters.ofSingles(40), 999, 5).difference(mean(first), mean(second), 0.95);

    assertThat(difference.value()).isCloseTo(0.25, within(1e-12));
    assertThat(difference.interval().low()).isCloseTo(0.25, within(1e-12));
    assertThat(difference.interval().high()).isCloseTo(0.25, within(1e-12));
    assertThat(difference.probability()).isEqualTo(2.0 / 1000);
  }

  @Test
  void armsThatAgreeDifferByNothingForCertain() {
    PairedDifference difference =
        new ClusterBootstrap(Clusters.ofSingles(4), 500, 5).difference(mean(1, 0, 1, 1), mean(1, 0, 1, 1), 0.95);

    assertThat(difference).isEqualTo(new PairedDifference(0, new Interval(0, 0, 0.95), 1));
  }

  @Test
  void aMetricIsComputedAnewInEveryDraw() {
    // Two items of two labels, both right. A draw has one label or both; macro-F1 is 1 in each of them, while the mean
    // of the labels' F1 over fixed labels would be 0.5 in half of them.
    List<Outcome> outcomes =
        List.of(Outcome.ofLabel("yes", Optional.of("yes")), Outcome.ofLabel("no", Optional.of("no")));

    Estimate estimate =
        new ClusterBootstrap(Clusters.ofSingles(2), 200, 1).estimate(metric(Metric.MACRO_F1, outcomes), 0.95);

    assertThat(estimate).isEqualTo(new Estimate(1, new Interval(1, 1, 0.95)));
  }

  @Test
  void theSameSeedGivesTheSameInterval() {
    double[] values = {1, 2, 3, 5, 8, 13};
    var bootstrap = new ClusterBootstrap(Clusters.ofSingles(6), 300, 9);

    assertThat(bootstrap.estimate(mean(values), 0.9)).isEqualTo(bootstrap.estimate(mean(values), 0.9));
    assertThat(new ClusterBootstrap(Clusters.ofSingles(6), 300, 10).estimate(mean(values), 0.9))
        .isNotEqualTo(bootstrap.estimate(mean(values), 0.9));
  }

  /** 400 samples of 60 pairs without a true difference: few intervals miss 0, and few p are below 5 %. */
  @Test
  void chanceAloneSeldomLooksLikeADifference() {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(17);
    int samples = 400;
    int missed = 0;
    int small = 0;
    for (int sample = 0; sample < samples; sample++) {
      double[] first = random.doubles(60).map(u -> u < 0.7 ? 1 : 0).toArray();
      double[] second = random.doubles(60).map(u -> u < 0.7 ? 1 : 0).toArray();
      PairedDifference difference =
          new ClusterBootstrap(Clusters.ofSingles(60), 400, sample).difference(mean(first), mean(second), 0.95);
      missed += difference.interval().holds(0) ? 0 : 1;
      small += difference.probability() < 0.05 ? 1 : 0;
    }
    // 5 % of 400 is 20 with deviation 4.4; five deviations above, and not none at all.
    assertThat(missed).isBetween(3, 42);
    assertThat(small).isBetween(3, 42);
  }

  @Test
  void quantilesLieOnTheLineBetweenValues() {
    double[] sorted = {1, 2, 4};
    assertThat(DifferenceDistribution.quantile(sorted, 0)).isEqualTo(1);
    assertThat(DifferenceDistribution.quantile(sorted, 0.375)).isEqualTo(1.5);
    assertThat(DifferenceDistribution.quantile(sorted, 0.625)).isEqualTo(3);
    assertThat(DifferenceDistribution.quantile(sorted, 1)).isEqualTo(4);
    assertThat(DifferenceDistribution.quantile(new double[] {7}, 0.975)).isEqualTo(7);
  }

  @Test
  void itemsWithoutAKeyStandAlone() {
    Clusters clusters =
        Clusters.of(List.of(Optional.of("a"), Optional.empty(), Optional.of("b"), Optional.of("a"), Optional.empty()));

    assertThat(clusters.count()).isEqualTo(4);
    assertThat(clusters.items()).isEqualTo(5);
    assertThat(clusters.itemsOf(new int[] {2, 0, 1, 0})).containsExactly(0, 3, 0, 3, 2);
    assertThatThrownBy(() -> new ClusterBootstrap(Clusters.ofSingles(0), 10, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("0 clusters");
  }
}
