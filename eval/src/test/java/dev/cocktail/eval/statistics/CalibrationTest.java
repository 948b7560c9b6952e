package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.eval.statistics.SelectThenTest.Trial;
import dev.cocktail.eval.statistics.Simulations.World;
import dev.cocktail.eval.statistics.Verdict.Finding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import org.apache.commons.math3.distribution.BinomialDistribution;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whether verdicts are wrong no more often than they say, and find what they say they find. */
class CalibrationTest {
  private static final DecisionRule RULE = new DecisionRule(.05, .02, .8);

  /** The smallest number of draws whose smallest p, 2 / (B + 1), can be found among four: below .05 / 4. */
  private static final int RESAMPLES = 199;

  /** Two targets, each with two arms and a control, and what is said of the four comparisons. */
  private static List<Verdict> study(World world, int seeds, double effect, long number) {
    RandomGenerator random = Draws.random(number);
    List<Comparison> family = new ArrayList<>();
    for (int target = 0; target < 2; target++) {
      List<ArmRuns> arms = world.arms(random, seeds, 0, effect, 0);
      for (ArmRuns arm : arms.subList(1, 3)) {
        family.add(
            Comparison.of(
                arm,
                arms.getFirst(),
                SeedSpread.pooled(arm, arms.getFirst(), List.of(arm, arms.getFirst())),
                new TwoLevelBootstrap(RESAMPLES, random.nextLong(), 1),
                new SignFlip(RESAMPLES, random.nextLong()),
                RULE,
                Multiplicity.NONE));
      }
    }
    return Verdict.of(family, RULE);
  }

  private static boolean declares(List<Verdict> verdicts) {
    return verdicts.stream()
        .anyMatch(verdict -> verdict.finding() == Finding.BETTER || verdict.finding() == Finding.WORSE);
  }

  /** One seed without luck of seeds, and three seeds whose luck is as large as the items'. */
  @ParameterizedTest
  @CsvSource({"1, 0, .2", "3, .1, .1"})
  void familiesWithoutAnEffectSeldomDeclareOne(int seeds, double seedDeviation, double itemDeviation) {
    World world = new World(40, 3, seedDeviation, itemDeviation);
    int studies = Simulations.count(2_000);
    int declared = Simulations.count(studies, number -> declares(study(world, seeds, 0, number)));
    String what = "No effect, %d seeds of %s, items of %s: families declare one";
    Simulations.report(what.formatted(seeds, seedDeviation, itemDeviation), declared, studies);
    assertThat(declared).isLessThanOrEqualTo(Simulations.most(studies, RULE.significance()));
    // Who never declares anything errs never.
    assertThat(declared).isPositive();
  }

  /** Had the items' exchange alone decided, the luck of three seeds would pass for an effect. */
  @Test
  void exchangingItemsKnowsNothingOfSeeds() {
    World world = new World(50, 3, .1, 0);
    int studies = Simulations.count(500);
    int declared =
        Simulations.count(
            studies,
            number -> {
              List<ArmRuns> arms = world.arms(Draws.random(number), 3, 0, 0);
              return new SignFlip(RESAMPLES, ~number).test(arms.get(0).runs(), arms.get(1).runs()).probability() < .05;
            });
    Simulations.report("No effect but luck of seeds: exchanging items alone finds one", declared, studies);
    assertThat(declared).isGreaterThan(Simulations.most(studies, .2));
  }

  /** The exchange's own promise: with the same answers but for chance, p is below 5 % in at most 5 % of studies. */
  @Test
  void exchangesErrAsOftenAsTheySay() {
    World world = new World(40, 4, 0, 0);
    int studies = Simulations.count(2_000);
    int declared =
        Simulations.count(
            studies,
            number -> {
              List<ArmRuns> arms = world.arms(Draws.random(number), 1, 0, 0);
              return new SignFlip(RESAMPLES, ~number).test(arms.get(0).runs(), arms.get(1).runs()).probability() <= .05;
            });
    Simulations.report("No effect: exchanging items finds one", declared, studies);
    assertThat(declared).isBetween(Simulations.least(studies, .04), Simulations.most(studies, .05));
  }

  /**
   * A difference of the size that the formula says 80 % of studies find. The formula has a normal distribution where
   * exchanges have a binomial one, whose exact p is seldom just below 5 %: by that they find it a little more seldom.
   */
  @ParameterizedTest
  @CsvSource({"1500, .2", "800, .4"})
  void powerIsThatOfTheFormula(int items, double discordance) {
    double difference = Power.minimalDifference(Power.standardError(discordance, items, 1), .05, .8);
    double expected = exactPower(items, discordance, difference);
    assertThat(expected).isBetween(.77, .8);
    int studies = Simulations.count(400);
    int found =
        Simulations.count(
            studies,
            number -> {
              RandomGenerator random = Draws.random(number);
              double[] first = new double[items];
              double[] second = new double[items];
              for (int item = 0; item < items; item++) {
                double u = random.nextDouble();
                first[item] = u < (discordance + difference) / 2 || u >= discordance ? 1 : 0;
                second[item] = u >= (discordance + difference) / 2 ? 1 : 0;
              }
              Clusters clusters = Clusters.ofSingles(items);
              Comparison comparison =
                  Comparison.of(
                      ArmRuns.of(clusters, List.of(Shares.ofSingles(first))),
                      ArmRuns.of(clusters, List.of(Shares.ofSingles(second))),
                      List.of(),
                      new TwoLevelBootstrap(1_999, random.nextLong(), 1),
                      new SignFlip(1_999, random.nextLong()),
                      RULE,
                      Multiplicity.NONE);
              return comparison.probability() < .05;
            });
    String what = "A difference that %.1f %% of studies should find: they do";
    Simulations.report(what.formatted(100 * expected), found, studies);
    // The larger of two p, of which the bootstrap's is estimated from its draws.
    assertThat(found).isBetween(Simulations.least(studies, expected - .015), Simulations.most(studies, expected));
  }

  /** How often a sign test of the items on which two arms differ is below 5 %, over all their numbers. */
  private static double exactPower(int items, double discordance, double difference) {
    double power = 0;
    var discordant = new BinomialDistribution(items, discordance);
    int least = discordant.inverseCumulativeProbability(1e-9);
    int most = discordant.inverseCumulativeProbability(1 - 1e-9);
    for (int n = least; n <= most; n++) {
      int critical = new BinomialDistribution(n, .5).inverseCumulativeProbability(.025);
      // P(X <= critical) reaches 2.5 %, so that one less is the largest count that is rejected.
      var wins = new BinomialDistribution(n, (discordance - difference) / 2 / discordance);
      double rejected = wins.cumulativeProbability(critical - 1) + 1 - wins.cumulativeProbability(n - critical);
      power += discordant.probability(n) * rejected;
    }
    return power;
  }

  /**
   * With seeds: an effect of the size that studies without one call their minimal detectable difference on average. Two
   * spreads of which one is known from few runs make that an estimate; eight points are left for it.
   */
  @Test
  void theMinimalDifferenceIsFoundAsOftenAsItSays() {
    World world = new World(80, 3, .03, .1);
    int pilots = 200;
    double minimal = 0;
    for (int number = 0; number < pilots; number++) {
      List<ArmRuns> arms = world.arms(Draws.random(-1 - number), 3, 0, 0, 0, 0);
      minimal +=
          new TwoLevelBootstrap(399, ~number, 1)
                  .difference(
                      arms.get(0),
                      arms.get(1),
                      SeedSpread.pooled(arms.get(0), arms.get(1), List.of(arms.get(0), arms.get(1))))
                  .minimalDifference(.05, .8)
              / pilots;
    }
    double effect = minimal;
    int studies = Simulations.count(400);
    int found =
        Simulations.count(
            studies,
            number -> {
              List<ArmRuns> arms = world.arms(Draws.random(number), 3, effect, 0, 0, 0);
              return new TwoLevelBootstrap(399, ~number, 1)
                      .difference(
                          arms.get(0),
                          arms.get(1),
                          SeedSpread.pooled(arms.get(0), arms.get(1), List.of(arms.get(0), arms.get(1))))
                      .probability()
                  < .05;
            });
    Simulations.report("The minimal detectable difference with three seeds is found", found, studies);
    assertThat(found).isBetween(Simulations.least(studies, .72), Simulations.most(studies, .88));
  }

  /** Two arms that differ by exactly the margin are called equivalent no more often than 5 % of the time. */
  @Test
  void equivalenceIsSeldomClaimedOfWhatMatters() {
    World world = new World(100, 3, .01, .1);
    int studies = Simulations.count(400);
    int[] claimed = new int[2];
    for (int which = 0; which < 2; which++) {
      double effect = which == 0 ? .12 : 0;
      claimed[which] =
          Simulations.count(
              studies,
              number -> {
                List<ArmRuns> arms = world.arms(Draws.random(number), 3, effect, 0, 0, 0);
                return new TwoLevelBootstrap(399, ~number, 1)
                    .difference(
                        arms.get(0),
                        arms.get(1),
                        SeedSpread.pooled(arms.get(0), arms.get(1), List.of(arms.get(0), arms.get(1))))
                    .equivalence(.12, .05)
                    .shown();
              });
    }
    Simulations.report("Equivalence is claimed of a difference that is the margin", claimed[0], studies);
    Simulations.report("Equivalence is claimed of no difference", claimed[1], studies);
    assertThat(claimed[0]).isLessThanOrEqualTo(Simulations.most(studies, .05));
    assertThat(claimed[1]).as("who never claims it errs never").isGreaterThan(studies / 2);
  }

  /** Configurations that differ by nothing but the luck of their training, tried in two arms. */
  private static List<Trial> trials(RandomGenerator random, int count, Clusters validation, Clusters test) {
    List<Trial> trials = new ArrayList<>();
    for (int trial = 0; trial < count; trial++) {
      double skill = .6 + .04 * random.nextGaussian();
      trials.add(new Trial(answers(random, validation, skill), answers(random, test, skill)));
    }
    return trials;
  }

  private static ClusterSums answers(RandomGenerator random, Clusters items, double skill) {
    return items.sums(Shares.ofSingles(random.doubles(items.count()).map(u -> u < skill ? 1 : 0).toArray()));
  }

  @Test
  void theBestOfManyIsNoWinner() {
    Clusters validation = Clusters.ofSingles(60);
    Clusters test = Clusters.ofSingles(200);
    int studies = Simulations.count(200);
    int naive =
        Simulations.count(
            studies,
            number -> {
              // As the original did: the mixture that tests best of 17, against one single-task run.
              RandomGenerator random = Draws.random(number);
              ClusterSums best = null;
              int[] each = Draws.each(test.count());
              for (Trial trial : trials(random, 17, validation, test)) {
                best = best == null || trial.test().of(each) > best.of(each) ? trial.test() : best;
              }
              ClusterSums single = trials(random, 1, validation, test).getFirst().test();
              return new SignFlip(RESAMPLES, ~number).test(List.of(best), List.of(single)).probability() < .05;
            });
    int declared =
        Simulations.count(
            studies,
            number -> {
              RandomGenerator random = Draws.random(number);
              return new SelectThenTest(validation, test, RESAMPLES, ~number)
                      .difference(trials(random, 8, validation, test), trials(random, 8, validation, test), .95)
                      .probability()
                  <= .05;
            });
    int missed =
        Simulations.count(
            studies,
            number -> {
              RandomGenerator random = Draws.random(number);
              return !new SelectThenTest(validation, test, RESAMPLES, ~number)
                  .difference(trials(random, 8, validation, test), trials(random, 8, validation, test), .95)
                  .interval()
                  .holds(0);
            });
    Simulations.report("No effect: the best of 17 on test beats a single run", naive, studies);
    Simulations.report("No effect: of 8 and 8 trials, one arm's choice beats the other's", declared, studies);
    Simulations.report("Of 8 and 8 trials: 95 % intervals of what is chosen miss", missed, studies);
    assertThat(naive).isGreaterThan(Simulations.most(studies, .2));
    assertThat(declared).isLessThanOrEqualTo(Simulations.most(studies, .05));
    assertThat(missed).isLessThanOrEqualTo(Simulations.most(studies, .05));
  }

  /**
   * The arm with the best mean validation score of several that differ by nothing but luck, tested: its runs' luck is
   * in both.
   */
  private static ArmRuns chosen(RandomGenerator random, int trials, Clusters validation, Clusters test) {
    int seeds = 3;
    double best = -1;
    double[] skills = {};
    for (int trial = 0; trial < trials; trial++) {
      double[] tried = random.doubles(seeds).toArray();
      double score = 0;
      for (int seed = 0; seed < seeds; seed++) {
        tried[seed] = .6 + .05 * random.nextGaussian();
        score += answers(random, validation, tried[seed]).of(Draws.each(validation.count()));
      }
      if (score > best) {
        best = score;
        skills = tried;
      }
    }
    return new ArmRuns(test, Arrays.stream(skills).mapToObj(skill -> answers(random, test, skill)).toList());
  }

  /**
   * What was chosen from many, with the seeds that it was chosen by, may be compared with what was chosen from as many.
   */
  @Test
  void whatWasChosenIsComparedWithWhatWasChosenFromAsMany() {
    Clusters validation = Clusters.ofSingles(200);
    Clusters test = Clusters.ofSingles(200);
    int studies = Simulations.count(400);
    int[] declared = new int[3];
    for (int which = 0; which < 3; which++) {
      int rivals = which == 0 ? 17 : 1;
      Multiplicity asked = new Multiplicity(which == 2 ? 17 : 1, 1);
      declared[which] =
          Simulations.count(
              studies,
              number -> {
                RandomGenerator random = Draws.random(number);
                ArmRuns one = chosen(random, 17, validation, test);
                ArmRuns other = chosen(random, rivals, validation, test);
                Comparison comparison =
                    Comparison.of(
                        one,
                        other,
                        SeedSpread.pooled(one, other, List.of(one, other)),
                        new TwoLevelBootstrap(RESAMPLES, random.nextLong(), 1),
                        new SignFlip(RESAMPLES, random.nextLong()),
                        RULE,
                        asked);
                return comparison.probability() < .05;
              });
    }
    Simulations.report("No effect: the choice of 17 beats the choice of 17", declared[0], studies);
    Simulations.report("No effect: the choice of 17 beats a single arm", declared[1], studies);
    Simulations.report("No effect: the same, counted 17 times", declared[2], studies);
    assertThat(declared[0]).isLessThanOrEqualTo(Simulations.most(studies, .05));
    // Against a single arm it is wrong several times as often, though three seeds and their spread hide much of it.
    assertThat(declared[1]).isGreaterThan(2 * declared[0]);
    assertThat(declared[2]).isLessThanOrEqualTo(Simulations.most(studies, .05));
  }

  /**
   * As a study goes: for each of two targets a mixture is chosen from five, and asked against it alone and a control.
   */
  @Test
  void studiesThatChooseSeldomDeclareOne() {
    Clusters validation = Clusters.ofSingles(100);
    Clusters test = Clusters.ofSingles(150);
    int studies = Simulations.count(1_000);
    int declared =
        Simulations.count(
            studies,
            number -> {
              RandomGenerator random = Draws.random(number);
              List<Comparison> family = new ArrayList<>();
              for (int target = 0; target < 2; target++) {
                ArmRuns mixture = chosen(random, 5, validation, test);
                for (int control = 0; control < 2; control++) {
                  ArmRuns other = chosen(random, 1, validation, test);
                  family.add(
                      Comparison.of(
                          mixture,
                          other,
                          SeedSpread.pooled(mixture, other, List.of(mixture, other)),
                          new TwoLevelBootstrap(999, random.nextLong(), 1),
                          new SignFlip(999, random.nextLong()),
                          RULE,
                          new Multiplicity(5, 4)));
                }
              }
              return declares(Verdict.of(family, RULE));
            });
    Simulations.report("No effect: studies that choose from five for two targets declare one", declared, studies);
    assertThat(declared).isLessThanOrEqualTo(Simulations.most(studies, RULE.significance()));
  }
}
