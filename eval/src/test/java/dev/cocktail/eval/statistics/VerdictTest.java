package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.statistics.Verdict.Finding;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class VerdictTest {
  private static final DecisionRule RULE = new DecisionRule(.05, .02, .8);

  private static Comparison comparison(double low, double value, double high, double p) {
    double margin = .02;
    double inner = .84;
    return new Comparison(
        new PairedDifference(value, new Interval(low, high, .95), p),
        Optional.empty(),
        new Equivalence(margin, new Interval(value + inner * (low - value), value + inner * (high - value), .9), .5),
        .03,
        1,
        true);
  }

  @Test
  void aFamilyIsJudgedTogether() {
    // p .01, .04, .03, .005 become .03, .06, .06, .02: what would be found alone is not, among others.
    List<Verdict> verdicts =
        Verdict.of(
            List.of(
                comparison(.01, .04, .07, .01),
                comparison(.001, .04, .08, .04),
                comparison(-.015, -.008, -.001, .03),
                comparison(-.09, -.05, -.01, .005)),
            RULE);

    assertThat(verdicts.stream().map(Verdict::finding))
        .containsExactly(Finding.BETTER, Finding.UNDECIDED, Finding.EQUIVALENT, Finding.WORSE);
    assertThat(verdicts.stream().mapToDouble(Verdict::probability).toArray())
        .containsExactly(new double[] {.03, .06, .06, .02}, within(1e-12));
    assertThat(verdicts.stream().map(Verdict::negligible)).containsExactly(false, false, true, false);
  }

  @Test
  void aFoundDifferenceMayBeTooSmallToMatter() {
    Verdict verdict = Verdict.of(List.of(comparison(.004, .008, .012, .001)), RULE).getFirst();
    assertThat(verdict).isEqualTo(new Verdict(Finding.BETTER, .001, true));
  }

  @Test
  void theLargerProbabilityDecides() {
    Comparison comparison =
        new Comparison(
            new PairedDifference(.1, new Interval(.01, .2, .95), .01),
            Optional.of(new PermutationResult(.1, .2, true, 16)),
            new Equivalence(.02, new Interval(.02, .18, .9), .9),
            .1,
            1,
            false);
    assertThat(comparison.probability()).isEqualTo(.2);
    assertThat(Verdict.of(List.of(comparison), RULE).getFirst()).isEqualTo(new Verdict(Finding.UNDECIDED, .2, false));
    assertThat(Verdict.of(List.of(), RULE)).isEmpty();
  }

  @Test
  void comparisonsHoldAllThatIsKnown() {
    Clusters items = Clusters.ofSingles(80);
    double[] good = new double[80];
    double[] bad = new double[80];
    Arrays.fill(good, 0, 70, 1);
    Arrays.fill(bad, 0, 40, 1);
    ArmRuns arm = ArmRuns.of(items, List.of(Shares.ofSingles(good), Shares.ofSingles(good)));
    ArmRuns control = ArmRuns.of(items, List.of(Shares.ofSingles(bad), Shares.ofSingles(bad)));
    TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(999, 1, 1);
    SignFlip exchange = new SignFlip(999, 1);

    Comparison comparison =
        Comparison.of(
            arm,
            control,
            SeedSpread.pooled(arm, control, List.of(arm, control)),
            bootstrap,
            exchange,
            RULE,
            Multiplicity.NONE);

    assertThat(comparison.difference().value()).isCloseTo(30 / 80.0, within(1e-12));
    assertThat(comparison.exchange().orElseThrow().value()).isCloseTo(30 / 80.0, within(1e-12));
    assertThat(comparison.probability()).isLessThan(.01);
    assertThat(comparison.coversSeeds()).isTrue();
    assertThat(comparison.equivalence().shown()).isFalse();
    assertThat(comparison.minimalDifference()).isBetween(.1, .25);
    assertThat(Verdict.of(List.of(comparison), RULE).getFirst().finding()).isEqualTo(Finding.BETTER);
    ArmRuns single = ArmRuns.of(items, List.of(Shares.ofSingles(bad)));
    assertThat(Comparison.of(arm, single, List.of(), bootstrap, exchange, RULE, Multiplicity.NONE).exchange())
        .isEmpty();
  }

  @Test
  void whatWasAskedBesidesIsPaidFor() {
    Clusters items = Clusters.ofSingles(80);
    double[] good = new double[80];
    double[] bad = new double[80];
    Arrays.fill(good, 0, 60, 1);
    Arrays.fill(bad, 0, 45, 1);
    ArmRuns arm = ArmRuns.of(items, List.of(Shares.ofSingles(good)));
    ArmRuns control = ArmRuns.of(items, List.of(Shares.ofSingles(bad)));
    TwoLevelBootstrap bootstrap = new TwoLevelBootstrap(4_999, 1, 1);
    SignFlip exchange = new SignFlip(4_999, 1);
    Comparison alone = Comparison.of(arm, control, List.of(), bootstrap, exchange, RULE, Multiplicity.NONE);
    Comparison chosen = Comparison.of(arm, control, List.of(), bootstrap, exchange, RULE, new Multiplicity(5, 4));
    assertThat(chosen.probability()).isEqualTo(5 * alone.probability());
    assertThat(chosen.difference()).isEqualTo(alone.difference());
    // (z for .05 / 20, and .8) over (z for .05, and .8).
    assertThat(chosen.minimalDifference() / alone.minimalDifference())
        .isCloseTo((3.0233 + .8416) / (1.96 + .8416), within(.1));
    assertThatThrownBy(() -> new Multiplicity(0, 1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void rulesWithoutSenseAreRefused() {
    assertThatThrownBy(() -> new DecisionRule(.5, .01, .8)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DecisionRule(.05, 0, .8)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new DecisionRule(.05, .01, .5)).isInstanceOf(IllegalArgumentException.class);
  }
}
