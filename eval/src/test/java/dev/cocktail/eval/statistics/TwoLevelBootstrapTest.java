package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.SplittableRandom;
import org.apache.commons.math3.distribution.NormalDistribution;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.StatUtils;
import org.junit.jupiter.api.Test;

class TwoLevelBootstrapTest {
  private static final Clusters HUNDRED = Clusters.ofSingles(100);

  /** An arm of runs, each of which got so many of the hundred items right. */
  private static ArmRuns arm(int... right) {
    List<Shares> runs = new ArrayList<>();
    for (int some : right) {
      double[] items = new double[100];
      Arrays.fill(items, 0, some, 1);
      runs.add(Shares.ofSingles(items));
    }
    return ArmRuns.of(HUNDRED, runs);
  }

  @Test
  void summariesOfSeeds() {
    // Mean 82, deviation 2: -+ 4.303 * 2 / sqrt(3) for three runs.
    SeedSummary summary = SeedSummary.of(new double[] {80, 82, 84}, .95);
    assertThat(summary.mean()).isEqualTo(82);
    assertThat(summary.deviation().orElseThrow()).isCloseTo(2, within(1e-12));
    assertThat(summary.interval().orElseThrow().high()).isCloseTo(82 + 4.3027 * 2 / Math.sqrt(3), within(1e-4));
    assertThat(SeedSummary.multiplier(2, .95)).isCloseTo(4.30, within(5e-3));
    assertThat(SeedSummary.multiplier(4, .95)).isCloseTo(2.78, within(5e-3));
    assertThat(SeedSummary.of(new double[] {80}, .95))
        .isEqualTo(new SeedSummary(80, OptionalDouble.empty(), Optional.empty()));
    assertThatThrownBy(() -> SeedSummary.of(new double[0], .95)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> SeedSummary.of(new double[] {1, Double.NaN}, .95)).hasMessageContaining("NaN");
  }

  @Test
  void spreadsOfSeedsByHand() {
    ArmRuns first = arm(60, 64, 68);
    ArmRuns second = arm(50, 55, 54);
    // Pairs differ by .10, .09, .14: deviation .026458; over sqrt(3), .015275.
    assertThat(SeedSpread.paired(first, second)).hasSize(1);
    assertThat(SeedSpread.paired(first, second).getFirst().error()).isCloseTo(.0152753, within(1e-6));
    assertThat(SeedSpread.paired(first, second).getFirst().degreesOfFreedom()).isEqualTo(2);
    // Deviations .04 and .026458, over sqrt(3).
    List<SeedSpread> separate = SeedSpread.separate(first, second);
    assertThat(separate.get(0).error()).isCloseTo(.0230940, within(1e-6));
    assertThat(separate.get(1).error()).isCloseTo(.0152753, within(1e-6));
    // Mean variance (.0016 + .0007) / 2, times 2 / 3; a third arm of one run adds nothing.
    SeedSpread pooled = SeedSpread.pooled(first, second, List.of(first, second, arm(70))).getFirst();
    assertThat(pooled.error()).isCloseTo(Math.sqrt(.00115 * 2 / 3), within(1e-9));
    assertThat(pooled.degreesOfFreedom()).isEqualTo(4);
    TwoLevelBootstrap.Term one = new TwoLevelBootstrap.Term(1, first);
    TwoLevelBootstrap.Term other = new TwoLevelBootstrap.Term(-1, second);
    assertThat(SeedSpread.ofContrast(List.of(one, other)))
        .isEqualTo(SeedSpread.pooled(first, second, List.of(first, second)));
    // Variances .0016, .0007 and, doubled in weight, .0025: their mean .0016, times (1 + 1 + 4) / 3 runs.
    SeedSpread three =
        SeedSpread.ofContrast(List.of(one, other, new TwoLevelBootstrap.Term(2, arm(50, 55, 60)))).getFirst();
    assertThat(three.error()).isCloseTo(Math.sqrt(.0016 * 2), within(1e-9));
    assertThat(three.degreesOfFreedom()).isEqualTo(6);
    assertThat(SeedSpread.ofContrast(List.of(new TwoLevelBootstrap.Term(1, arm(70))))).isEmpty();
    // An arm of one run borrows the spread of others.
    SeedSpread borrowed = SeedSpread.pooled(first, arm(70), List.of(first, arm(70))).getFirst();
    assertThat(borrowed.error()).isCloseTo(Math.sqrt(.0016 * (1 / 3.0 + 1)), within(1e-9));
    assertThat(borrowed.degreesOfFreedom()).isEqualTo(2);
  }

  @Test
  void oneSeedSaysNothingAboutSeeds() {
    assertThat(SeedSpread.paired(arm(60), arm(50))).isEmpty();
    assertThat(SeedSpread.separate(arm(60, 61), arm(50))).isEmpty();
    assertThat(SeedSpread.pooled(arm(60), arm(50), List.of(arm(60), arm(50)))).isEmpty();
    assertThatThrownBy(() -> SeedSpread.paired(arm(60, 61), arm(50))).hasMessageContaining("2 and 1 runs");
    TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(200, 1, 1);
    assertThat(bootstrap.difference(arm(60), arm(50), List.of()).coversSeeds()).isFalse();
    assertThat(
            bootstrap.difference(arm(60, 61), arm(50, 51), SeedSpread.paired(arm(60, 61), arm(50, 51))).coversSeeds())
        .isTrue();
  }

  @Test
  void whereOnlyItemsVaryItIsTheClusterBootstrap() {
    // 60 and 50 of 100, ten items apart: standard error sqrt(.1 - .01) / 10 = .03, or with the unit's 1 / 100 .0318
    // with
    // 100 / 99 of variance, times t = 1.984.
    DifferenceDistribution drawn = new TwoLevelBootstrap(20_000, 3, 1).difference(arm(60), arm(50), List.of());
    Interval interval = drawn.interval(.95);
    assertThat(drawn.value()).isCloseTo(.1, within(1e-12));
    double error = Math.sqrt(.09 / 99 + 1e-4);
    assertThat((interval.high() - interval.low()) / 2).isCloseTo(1.984 * error, within(.003));
    assertThat(drawn.minimalDifference(.05, .8)).isCloseTo((1.984 + .846) * error, within(.004));

    ClusterBootstrap plain = new ClusterBootstrap(HUNDRED, 20_000, 3);
    double[] right = new double[100];
    Arrays.fill(right, 50, 60, 1);
    Interval expected =
        plain
            .estimate(items -> Arrays.stream(items).mapToDouble(i -> right[i]).average().orElseThrow(), .95)
            .interval();
    Interval without = new TwoLevelBootstrap(20_000, 3, 0).difference(arm(60), arm(50), List.of()).interval(.95);
    assertThat(without.low()).isCloseTo(expected.low(), within(.006));
    assertThat(without.high()).isCloseTo(expected.high(), within(.006));
  }

  @Test
  void whereOnlySeedsVaryItIsStudentsInterval() {
    // Values without items: each cluster of a run has the run's value, so that draws of clusters change nothing.
    double[][] values = {{.60, .64, .68}, {.50, .55, .54}};
    List<ArmRuns> arms = new ArrayList<>();
    for (double[] arm : values) {
      List<Shares> runs = new ArrayList<>();
      for (double value : arm) {
        double[] items = new double[100];
        Arrays.fill(items, value);
        runs.add(Shares.ofSingles(items));
      }
      arms.add(ArmRuns.of(HUNDRED, runs));
    }
    DifferenceDistribution drawn =
        new TwoLevelBootstrap(40_000, 5, 0)
            .difference(arms.get(0), arms.get(1), SeedSpread.paired(arms.get(0), arms.get(1)));
    Interval expected = SeedSummary.of(new double[] {.10, .09, .14}, .95).interval().orElseThrow();
    assertThat(drawn.interval(.95).low()).isCloseTo(expected.low(), within(.004));
    assertThat(drawn.interval(.95).high()).isCloseTo(expected.high(), within(.004));
  }

  @Test
  void noiseOfSingleAnswersCountsOnce() {
    // Five runs an arm whose answers to 400 items are all independent: the variance of the difference is
    // 2 * .25 / (5 * 400), all of it seen in both items and seeds; counted twice, the draws' would be double.
    Random random = new Random(11);
    Clusters items = Clusters.ofSingles(400);
    List<ArmRuns> arms = new ArrayList<>();
    for (int arm = 0; arm < 2; arm++) {
      List<Shares> runs = new ArrayList<>();
      for (int run = 0; run < 5; run++) {
        runs.add(Shares.ofSingles(random.doubles(400).map(u -> u < .5 ? 1 : 0).toArray()));
      }
      arms.add(ArmRuns.of(items, runs));
    }
    // A known spread of seeds, so that only what is drawn of items is looked at: next to nothing.
    List<SeedSpread> none = List.of(new SeedSpread(0, 1_000));
    Interval both = new TwoLevelBootstrap(4_000, 1, 0).difference(arms.get(0), arms.get(1), none).interval(.95);
    Interval itemsAlone =
        new TwoLevelBootstrap(4_000, 1, 0).difference(arms.get(0), arms.get(1), List.of()).interval(.95);
    assertThat(both.high() - both.low()).isLessThan(.5 * (itemsAlone.high() - itemsAlone.low()));
  }

  @Test
  void armsThatAgreeAreNotKnownToBeEqual() {
    DifferenceDistribution drawn = new TwoLevelBootstrap(20_000, 3, 1).difference(arm(60), arm(60), List.of());
    assertThat(drawn.value()).isZero();
    assertThat(drawn.probability()).isGreaterThan(.95);
    // 1 / C times t: of a hundred items without a difference, two in a hundred may differ.
    assertThat(drawn.interval(.95).high()).isCloseTo(1.984 / 100, within(.001));
    assertThat(drawn.equivalence(.01, .05).shown()).isFalse();
    assertThat(drawn.equivalence(.03, .05).shown()).isTrue();
    DifferenceDistribution sure = new TwoLevelBootstrap(500, 3, 0).difference(arm(60), arm(60), List.of());
    assertThat(sure.at(.95)).isEqualTo(new PairedDifference(0, new Interval(0, 0, .95), 1));
  }

  @Test
  void aMetricIsComputedAnewInEveryDraw() {
    // As for single runs: both labels right in any draw, so that macro-F1 is 1 whichever labels are drawn.
    List<Outcome> right = List.of(Outcome.ofLabel("yes", Optional.of("yes")), Outcome.ofLabel("no", Optional.of("no")));
    List<Outcome> wrong = List.of(Outcome.ofLabel("yes", Optional.of("no")), Outcome.ofLabel("no", Optional.of("yes")));
    Clusters two = Clusters.ofSingles(2);
    DifferenceDistribution drawn =
        new TwoLevelBootstrap(300, 1, 0)
            .difference(
                ArmRuns.of(two, List.of(Metric.MACRO_F1.statistic(right))),
                ArmRuns.of(two, List.of(Metric.MACRO_F1.statistic(wrong))),
                List.of());
    assertThat(drawn.at(.95).interval()).isEqualTo(new Interval(1, 1, .95));
  }

  @Test
  void interactionsHaveIntervals() {
    DifferenceDistribution drawn =
        new TwoLevelBootstrap(2_000, 1, 1)
            .contrast(Interaction.terms(arm(70, 72), arm(62, 64), arm(61, 61), arm(60, 60)), List.of());
    assertThat(drawn.value()).isCloseTo(.07, within(1e-12));
    assertThat(drawn.interval(.95).holds(.07)).isTrue();
  }

  @Test
  void drawsFollowFromTheSeedAndIntervalsLieWithinEachOther() {
    TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(999, 4, 1);
    ArmRuns first = arm(60, 63, 66);
    ArmRuns second = arm(55, 54, 57);
    List<SeedSpread> seeds = SeedSpread.separate(first, second);
    DifferenceDistribution drawn = bootstrap.difference(first, second, seeds);
    assertThat(bootstrap.difference(first, second, seeds).at(.95)).isEqualTo(drawn.at(.95));
    assertThat(new TwoLevelBootstrap(999, 5, 1).difference(first, second, seeds).at(.95)).isNotEqualTo(drawn.at(.95));
    for (double level = .5; level < .99; level += .05) {
      assertThat(drawn.interval(level + .01).low()).isLessThanOrEqualTo(drawn.interval(level).low());
      assertThat(drawn.interval(level + .01).high()).isGreaterThanOrEqualTo(drawn.interval(level).high());
    }
    // An interval leaves 0 out where p is below 1 - its level.
    double p = drawn.probability();
    assertThat(drawn.interval(1 - p - .01).holds(0)).isFalse();
    assertThat(drawn.interval(1 - p + .01).holds(0)).isTrue();
  }

  @Test
  void equivalenceNeedsTheWholeInterval() {
    double[] draws = new double[999];
    Arrays.setAll(draws, i -> (i - 499) / 1000.0);
    DifferenceDistribution drawn = new DifferenceDistribution(0, draws, draws, List.of());
    // The interval of level .9 is from -.45 to .45, at places 50 and 950.
    assertThat(drawn.interval(.9).low()).isCloseTo(-.45, within(1e-12));
    assertThat(drawn.equivalence(.46, .05).shown()).isTrue();
    assertThat(drawn.equivalence(.44, .05).shown()).isFalse();
    assertThat(drawn.equivalence(.46, .05).probability()).isLessThan(.05);
    assertThat(drawn.equivalence(.44, .05).probability()).isGreaterThan(.05);
    assertThatThrownBy(() -> drawn.equivalence(0, .05)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DifferenceDistribution(0, draws, new double[] {Double.NaN}, List.of()))
        .hasMessageContaining("NaN");
  }

  /** Families of hundreds of questions ask for probabilities that no draw of thousands has. */
  @Test
  void tailsGoOnBeyondTheDraws() {
    var random = new SplittableRandom(3);
    double[] items = random.doubles(4_000).map(_ -> random.nextGaussian()).toArray();
    for (double bound : new double[] {2, 3.5, 5}) {
      double p =
          new DifferenceDistribution(bound, shifted(items, bound), shifted(items, bound), List.of()).probability();
      double exact = 2 * new NormalDistribution().cumulativeProbability(-bound);
      // Below one in 4,000 the +1 of a share of draws shows no more than that; the normal tail is what goes on.
      assertThat(p).isCloseTo(exact, withinPercentage(bound == 2 ? 20 : 40));
    }
    var seeds = List.of(new SeedSpread(1, 4));
    double[] none = new double[4_000];
    Arrays.fill(none, 30);
    double[] drawn = Arrays.stream(none).map(one -> one + Draws.studentT(Draws.random(1), 4)).toArray();
    double p = new DifferenceDistribution(30, none, drawn, seeds).probability();
    assertThat(p).isCloseTo(2 * new TDistribution(4).cumulativeProbability(-30), withinPercentage(.1));
    double least = new DifferenceDistribution(30, none, drawn, seeds).minimalDifference(.05 / 100, .8);
    TDistribution t = new TDistribution(4);
    assertThat(least)
        .isCloseTo(
            t.inverseCumulativeProbability(1 - .025 / 100) + t.inverseCumulativeProbability(.8), withinPercentage(.1));
  }

  private static double[] shifted(double[] items, double by) {
    return Arrays.stream(items).map(item -> item + by).toArray();
  }

  @Test
  void oneClusterAndForeignClustersAreRefused() {
    ArmRuns one = ArmRuns.of(Clusters.ofSingles(1), List.of(Shares.ofSingles(1)));
    TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(10, 1, 1);
    assertThatThrownBy(() -> bootstrap.difference(one, one, List.of())).hasMessageContaining("1 clusters");
    ArmRuns foreign = ArmRuns.of(Clusters.ofSingles(100), List.of(Shares.ofSingles(new double[100])));
    assertThatThrownBy(() -> bootstrap.difference(arm(3), foreign, List.of()))
        .hasMessageContaining("different clusters");
    assertThatThrownBy(() -> ArmRuns.of(HUNDRED, List.of())).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new SeedSpread(Double.NaN, 2)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new TwoLevelBootstrap(10, 1, Double.NaN)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void randomTsAndChiSquaresHaveTheirQuantiles() {
    var random = Draws.random(1);
    for (int freedom : new int[] {1, 2, 5, 29, 30, 200}) {
      double[] chi = new double[40_000];
      Arrays.setAll(chi, _ -> Draws.chiSquared(random, freedom));
      assertThat(StatUtils.mean(chi)).isCloseTo(freedom, within(5 * Math.sqrt(2.0 * freedom / chi.length)));
      double[] t = new double[40_000];
      Arrays.setAll(t, _ -> Draws.studentT(random, freedom));
      Arrays.sort(t);
      double expected = SeedSummary.multiplier(freedom, .9);
      long beyond = Arrays.stream(t).filter(value -> Math.abs(value) > expected).count();
      // 10 % of 40,000 with deviation 60.
      assertThat(beyond).isBetween(3_700L, 4_300L);
    }
  }
}
