package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BestOfKTest {
  @Test
  void fourTrials() {
    double[] values = {82, 80, 83, 81};
    assertThat(BestOfK.withReplacement(values, 1)).isCloseTo(81.5, within(1e-12));
    assertThat(BestOfK.withReplacement(values, 2)).isCloseTo(82.125, within(1e-12));
    assertThat(BestOfK.withReplacement(values, 4)).isCloseTo(82.617, within(5e-4));
    assertThat(BestOfK.withoutReplacement(values, 1)).isCloseTo(81.5, within(1e-10));
    assertThat(BestOfK.withoutReplacement(values, 2)).isCloseTo(82.3333, within(5e-5));
    assertThat(BestOfK.withoutReplacement(values, 4)).isCloseTo(83, within(1e-10));
  }

  @ParameterizedTest
  @CsvSource({"1,0", "2,.5642", "3,.8463", "10,1.54", "17,1.79", "37,2.13", "55,2.29", "220,2.78"})
  void theWinnersCurse(int k, double deviations) {
    // 1 / sqrt(pi) = .5642 and 3 / (2 sqrt(pi)) = .8463.
    assertThat(BestOfK.ofNormals(k)).isCloseTo(deviations, within(k < 10 ? 5e-5 : 5e-3));
  }

  @Test
  void theCurseIsComputedToRounding() {
    assertThat(BestOfK.ofNormals(1)).isCloseTo(0, within(1e-12));
    assertThat(BestOfK.ofNormals(2)).isCloseTo(1 / Math.sqrt(Math.PI), within(1e-12));
    assertThat(BestOfK.ofNormals(3)).isCloseTo(1.5 / Math.sqrt(Math.PI), within(1e-12));
  }

  @Provide
  Arbitrary<double[]> values() {
    return Arbitraries.doubles().between(-100, 100).array(double[].class).ofMinSize(1).ofMaxSize(60);
  }

  @Property(tries = 200)
  void moreTrialsAreNeverWorse(@ForAll("values") double[] values) {
    double rounding = 1e-9;
    double mean = Arrays.stream(values).average().orElseThrow();
    double max = Arrays.stream(values).max().orElseThrow();
    assertThat(BestOfK.withReplacement(values, 1)).isCloseTo(mean, within(rounding));
    assertThat(BestOfK.withoutReplacement(values, values.length)).isCloseTo(max, within(rounding));
    double before = mean;
    for (int k = 1; k <= values.length; k++) {
      double best = BestOfK.withReplacement(values, k);
      assertThat(best).isBetween(before - rounding, max + rounding);
      assertThat(BestOfK.withoutReplacement(values, k)).isGreaterThanOrEqualTo(best - rounding);
      before = best;
    }
  }

  @Test
  void theBandHoldsTheCurveAndFollowsFromTheSeed() {
    double[] values = {80, 81, 82, 83};
    Estimate estimate = BestOfK.withReplacement(values, 2, 2_000, 5, .9);
    assertThat(estimate.value()).isEqualTo(BestOfK.withReplacement(values, 2));
    assertThat(estimate.interval().holds(estimate.value())).isTrue();
    assertThat(estimate.interval().low()).isGreaterThanOrEqualTo(80);
    assertThat(estimate.interval().high()).isLessThanOrEqualTo(83);
    assertThat(BestOfK.withReplacement(values, 2, 2_000, 5, .9)).isEqualTo(estimate);
    assertThat(BestOfK.withReplacement(new double[] {4, 4, 4}, 2, 100, 5, .9))
        .isEqualTo(new Estimate(4, new Interval(4, 4, .9)));
  }

  @Test
  void whatIsNoTrialIsRefused() {
    assertThatThrownBy(() -> BestOfK.withReplacement(new double[0], 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> BestOfK.withReplacement(new double[] {1}, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> BestOfK.withoutReplacement(new double[] {1, 2}, 3)).hasMessageContaining("3 different");
    assertThatThrownBy(() -> BestOfK.withReplacement(new double[] {1, Double.NaN}, 1)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> BestOfK.ofNormals(0)).isInstanceOf(IllegalArgumentException.class);
  }
}
