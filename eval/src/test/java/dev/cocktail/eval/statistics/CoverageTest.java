package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.eval.metric.Metric;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.eval.statistics.Simulations.World;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whether intervals of level 95 % hold the truth in 95 % of studies. */
class CoverageTest {
  private static final double LEVEL = .95;
  private static final int RESAMPLES = 399;

  private static boolean misses(DifferenceDistribution drawn, double truth) {
    return !drawn.interval(LEVEL).holds(truth);
  }

  private enum Seeds {
    PAIRED,
    SEPARATE,
    WELCH,
    POOLED;

    List<SeedSpread> of(List<ArmRuns> arms) {
      return switch (this) {
        case PAIRED -> SeedSpread.paired(arms.get(0), arms.get(1));
        case SEPARATE -> SeedSpread.separate(arms.get(0), arms.get(1));
        case WELCH -> SeedSpread.welch(arms.get(0), arms.get(1));
        case POOLED -> SeedSpread.pooled(arms.get(0), arms.get(1), arms);
      };
    }
  }

  /** Four arms, of which the first is five points better than the second. */
  @ParameterizedTest
  @CsvSource({
    "PAIRED,   3, .1,  0",
    "PAIRED,   3, .03, .2",
    "PAIRED,   5, .03, 0",
    "SEPARATE, 3, .05, .1",
    "WELCH,    3, .1,  0",
    "WELCH,    3, .05, .1",
    "POOLED,   3, 0,   .3",
    "POOLED,   3, .1,  0",
    "POOLED,   5, .05, .1",
    "POOLED,   1, 0,   .2",
  })
  void intervalsHoldTheTruth(Seeds how, int seeds, double seedDeviation, double itemDeviation) {
    World world = new World(60, 3, seedDeviation, itemDeviation);
    int studies = Simulations.count(300);
    int missed =
        Simulations.count(
            studies,
            study -> {
              List<ArmRuns> arms = world.arms(Draws.random(study), seeds, .05, 0, 0, 0);
              return misses(
                  new TwoLevelBootstrap(RESAMPLES, ~study, 1).difference(arms.get(0), arms.get(1), how.of(arms)), .05);
            });
    String what = "%s, %d seeds of %s, items of %s: 95 %% intervals miss";
    Simulations.report(what.formatted(how, seeds, seedDeviation, itemDeviation), missed, studies);
    assertThat(missed).isLessThanOrEqualTo(Simulations.most(studies, .05));
  }

  /** Two arms whose seeds matter twice as much as those of four others, which then do not speak for them. */
  @Test
  void unequalLuckOfSeedsShakesOnlyWhatIsPooledOverOthers() {
    World world = new World(100, 3, .05, 0);
    int studies = Simulations.count(600);
    int[] missed = new int[2];
    for (int arms = 2; arms <= 6; arms += 4) {
      int pooled = arms;
      missed[arms / 4] =
          Simulations.count(
              studies,
              study -> {
                List<ArmRuns> all = world.arms(Draws.random(study), 3, new double[6], new double[] {2, 2, 1, 1, 1, 1});
                ArmRuns one = all.get(0);
                ArmRuns other = all.get(1);
                return misses(
                    new TwoLevelBootstrap(RESAMPLES, ~study, 1)
                        .difference(one, other, SeedSpread.pooled(one, other, all.subList(0, pooled))),
                    0);
              });
    }
    Simulations.report("Unequal luck, pooled over two arms: 95 % intervals miss", missed[0], studies);
    Simulations.report("Unequal luck, pooled over all arms: 95 % intervals miss", missed[1], studies);
    assertThat(missed[0]).isLessThanOrEqualTo(Simulations.most(studies, .05));
    assertThat(missed[1]).isGreaterThan(Simulations.most(studies, .05));
  }

  /** One arm's luck is three times the other's: then what is pooled has fewer degrees of freedom than it says. */
  @Test
  void unequalLuckOfTheTwoArmsIsForWelch() {
    World world = new World(100, 3, .04, 0);
    int studies = Simulations.count(600);
    int missed =
        Simulations.count(
            studies,
            study -> {
              List<ArmRuns> arms = world.arms(Draws.random(study), 3, new double[2], new double[] {3, 1});
              return misses(
                  new TwoLevelBootstrap(RESAMPLES, ~study, 1)
                      .difference(arms.get(0), arms.get(1), SeedSpread.welch(arms.get(0), arms.get(1))),
                  0);
            });
    Simulations.report("One arm's luck three times the other's, Welch: 95 % intervals miss", missed, studies);
    assertThat(missed).isLessThanOrEqualTo(Simulations.most(studies, .05));
  }

  /**
   * Why seeds are not drawn from those that there are: where they matter most, percentiles of such draws miss the truth
   * with three seeds more than twice as often as they say.
   */
  @Test
  void drawingFromThreeSeedsIsFarTooSure() {
    World world = new World(150, 3, .1, 0);
    int studies = Simulations.count(300);
    int missed =
        Simulations.count(
            studies,
            study -> {
              RandomGenerator random = Draws.random(study);
              List<ArmRuns> arms = world.arms(random, 3, 0, 0);
              double[] drawn = new double[RESAMPLES];
              int[] counts = new int[150];
              for (int resample = 0; resample < drawn.length; resample++) {
                Draws.clusters(random, counts);
                for (int run = 0; run < 3; run++) {
                  int seed = random.nextInt(3);
                  drawn[resample] +=
                      (arms.get(0).runs().get(seed).of(counts) - arms.get(1).runs().get(seed).of(counts)) / 3;
                }
              }
              return !DifferenceDistribution.percentiles(drawn, LEVEL).holds(0);
            });
    Simulations.report("Seeds drawn from three: 95 % intervals miss", missed, studies);
    assertThat(missed).isGreaterThan(Simulations.most(studies, .1));
  }

  /** Where arms seldom differ: two arms that differ in one item of fifty, either way. */
  @Test
  void fewDifferencesAreNotCertainty() {
    int studies = Simulations.count(500);
    int[] missed = new int[2];
    for (int unit = 0; unit < 2; unit++) {
      int used = unit;
      missed[unit] =
          Simulations.count(
              studies,
              study -> {
                RandomGenerator random = Draws.random(study);
                double[] first = new double[100];
                double[] second = new double[100];
                for (int item = 0; item < 100; item++) {
                  double u = random.nextDouble();
                  first[item] = u < .015 || u > .5 ? 1 : 0;
                  second[item] = u >= .015 && u < .02 || u > .5 ? 1 : 0;
                }
                Clusters items = Clusters.ofSingles(100);
                ArmRuns one = ArmRuns.of(items, List.of(Shares.ofSingles(first)));
                ArmRuns other = ArmRuns.of(items, List.of(Shares.ofSingles(second)));
                return misses(new TwoLevelBootstrap(RESAMPLES, study, used).difference(one, other, List.of()), .01);
              });
    }
    Simulations.report("Arms that seldom differ, no unit: 95 % intervals miss", missed[0], studies);
    Simulations.report("Arms that seldom differ, unit 1: 95 % intervals miss", missed[1], studies);
    assertThat(missed[1]).isLessThanOrEqualTo(Simulations.most(studies, .05));
    assertThat(missed[0]).isGreaterThan(Simulations.most(studies, .1));
  }

  /** Macro-F1 of three labels, one of them rare, by two arms of equal skill; three seeds of unequal luck. */
  @Test
  void intervalsOfMacroF1HoldTheTruth() {
    int studies = Simulations.count(200);
    int items = 150;
    String[] labels = {"up", "down", "none"};
    int missed =
        Simulations.count(
            studies,
            study -> {
              RandomGenerator random = Draws.random(study);
              String[] gold = new String[items];
              for (int item = 0; item < items; item++) {
                double u = random.nextDouble();
                gold[item] = labels[u < .1 ? 0 : u < .4 ? 1 : 2];
              }
              Clusters clusters = Clusters.ofSingles(items);
              List<ArmRuns> arms = new ArrayList<>();
              for (int arm = 0; arm < 2; arm++) {
                List<ClusterSums> runs = new ArrayList<>();
                for (int seed = 0; seed < 3; seed++) {
                  double skill = .7 + .03 * random.nextGaussian();
                  List<Outcome> outcomes = new ArrayList<>();
                  for (String label : gold) {
                    String read = random.nextDouble() < skill ? label : labels[random.nextInt(3)];
                    outcomes.add(Outcome.ofLabel(label, Optional.of(read)));
                  }
                  runs.add(clusters.sums(Metric.MACRO_F1.statistic(outcomes)));
                }
                arms.add(new ArmRuns(clusters, runs));
              }
              return misses(
                  new TwoLevelBootstrap(RESAMPLES, ~study, 1)
                      .difference(arms.get(0), arms.get(1), SeedSpread.pooled(arms.get(0), arms.get(1), arms)),
                  0);
            });
    Simulations.report("Macro-F1: 95 % intervals miss", missed, studies);
    assertThat(missed).isLessThanOrEqualTo(Simulations.most(studies, .05));
  }
}
