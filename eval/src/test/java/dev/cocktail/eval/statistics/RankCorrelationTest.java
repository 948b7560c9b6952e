package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.commons.math3.distribution.TDistribution;
import org.junit.jupiter.api.Test;

class RankCorrelationTest {
  private static RankCorrelation of(double[] first, double[] second) {
    return RankCorrelation.of(first, second, .95, 10_000, 3);
  }

  @Test
  void fourRanksByHand() {
    // Rank differences 1, 1, 0, 0: rho = 1 - 6 * 2 / (4 * 15) = .8. Of 24 orders, rho is 1 in one, .8 in three, and the
    // negatives in as many: p = 8 / 24.
    RankCorrelation correlation = of(new double[] {1, 2, 3, 4}, new double[] {20, 10, 30, 40});
    assertThat(correlation.value()).isCloseTo(.8, within(1e-12));
    assertThat(correlation.probability()).isCloseTo(8.0 / 24, within(1e-12));
    // atanh(.8) = 1.0986, standard error sqrt(1.32 / 1) = 1.1489: tanh of 1.0986 -+ 2.2518.
    assertThat(correlation.interval().low()).isCloseTo(Math.tanh(1.0986 - 2.2518), within(1e-3));
    assertThat(correlation.interval().high()).isCloseTo(Math.tanh(1.0986 + 2.2518), within(1e-3));
  }

  @Test
  void equalValuesShareRanks() {
    // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, squares 4.5 and 5, so rho = 4.5 / sqrt(22.5).
    assertThat(of(new double[] {1, 2, 2, 3}, new double[] {1, 2, 3, 4}).value())
        .isCloseTo(4.5 / Math.sqrt(22.5), within(1e-12));
    assertThat(RankCorrelation.ranks(new double[] {5, 1, 5, 5})).containsExactly(3, 1, 3, 3);
  }

  @Test
  void agreementIsNotCertainty() {
    RankCorrelation correlation = of(new double[] {1, 2, 3, 4, 5}, new double[] {1, 4, 9, 16, 25});
    assertThat(correlation.value()).isCloseTo(1, within(1e-12));
    assertThat(correlation.probability()).isCloseTo(2.0 / 120, within(1e-12));
    assertThat(correlation.interval().low()).isLessThan(.9);
    assertThat(correlation.interval().high()).isCloseTo(1, within(1e-12));
    assertThat(of(new double[] {1, 2, 3}, new double[] {1, 2, 3}).interval()).isEqualTo(new Interval(-1, 1, .95));
  }

  @Provide
  Arbitrary<int[]> values() {
    return Arbitraries.integers().between(0, 5).array(int[].class).ofMinSize(4).ofMaxSize(6);
  }

  @Property(tries = 100)
  void onlyTheOrderMatters(@ForAll("values") int[] values, @ForAll long seed) {
    double[] first = Arrays.stream(values).asDoubleStream().toArray();
    double[] second = new Random(seed).doubles(first.length).toArray();
    if (Arrays.stream(first).distinct().count() == 1) {
      return;
    }
    RankCorrelation correlation = of(first, second);
    double[] grown = Arrays.stream(first).map(Math::exp).toArray();
    assertThat(of(grown, second)).isEqualTo(correlation);
    RankCorrelation turned = of(Arrays.stream(first).map(value -> -value).toArray(), second);
    assertThat(turned.value()).isCloseTo(-correlation.value(), within(1e-12));
    assertThat(turned.probability()).isCloseTo(correlation.probability(), within(1e-12));
    assertThat(of(second, first).value()).isCloseTo(correlation.value(), within(1e-12));
    assertThat(correlation.interval().holds(correlation.value())).isTrue();
  }

  @Test
  void manyOrdersAreSampled() {
    double[] first = new Random(1).doubles(12).toArray();
    double[] second = new Random(2).doubles(12).toArray();
    RankCorrelation correlation = of(first, second);
    assertThat(of(first, second)).isEqualTo(correlation);
    // The same by the t distribution that rho sqrt((n - 2) / (1 - rho^2)) nearly has.
    double t = correlation.value() * Math.sqrt(10 / (1 - correlation.value() * correlation.value()));
    double p = 2 * new TDistribution(10).cumulativeProbability(-Math.abs(t));
    assertThat(correlation.probability()).isCloseTo(p, within(.03));
  }

  @Test
  void whatHasNoOrderIsRefused() {
    assertThatThrownBy(() -> of(new double[] {1, 1, 1}, new double[] {1, 2, 3})).hasMessageContaining("equal");
    assertThatThrownBy(() -> of(new double[] {1, 2}, new double[] {1, 2})).hasMessageContaining("at least three");
    assertThatThrownBy(() -> of(new double[] {1, 2, Double.NaN}, new double[] {1, 2, 3})).hasMessageContaining("NaN");
  }
}
