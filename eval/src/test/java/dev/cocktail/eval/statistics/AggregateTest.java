package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.statistics.Aggregate.Target;
import java.util.List;
import org.junit.jupiter.api.Test;

class AggregateTest {
  private static Interval interval(double low, double high) {
    return new Interval(low, high, .95);
  }

  @Test
  void threeTargetsByHand() {
    // +10 %, -5 %, and a loss that fell from 2 to 1.8, which is 10 % better.
    Aggregate aggregate =
        Aggregate.of(
            List.of(
                new Target(.55, .50, true, interval(.01, .09)),
                new Target(.76, .80, true, interval(-.07, -.01)),
                new Target(1.8, 2.0, false, interval(-.5, .1))));

    assertThat(aggregate.relativeChange().orElseThrow()).isCloseTo(5, within(1e-9));
    assertThat(aggregate.improved()).isEqualTo(1);
    assertThat(aggregate.harmed()).isEqualTo(1);
    assertThat(aggregate.worst()).isEqualTo(1);
    assertThat(aggregate.worstChange()).isCloseTo(-.04, within(1e-12));
  }

  @Test
  void aSmallerLossBeyondItsIntervalIsAnImprovement() {
    Aggregate aggregate = Aggregate.of(List.of(new Target(1, 2, false, interval(-1.5, -.5))));
    assertThat(aggregate.improved()).isEqualTo(1);
    assertThat(aggregate.harmed()).isZero();
    assertThat(aggregate.worstChange()).isEqualTo(1);
  }

  @Test
  void nothingIsRelativeToNothing() {
    assertThat(Aggregate.of(List.of(new Target(.1, 0, true, interval(0, .2)))).relativeChange()).isEmpty();
    assertThatThrownBy(() -> Aggregate.of(List.of())).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Aggregate.of(List.of(new Target(Double.NaN, 1, true, interval(0, 1)))))
        .hasMessageContaining("NaN");
  }

  @Test
  void ranksAreAveragedAndShared() {
    assertThat(Aggregate.meanRanks(new double[][] {{.9, .8, .7}, {.5, .6, .6}})).containsExactly(2, 1.75, 2.25);
    assertThatThrownBy(() -> Aggregate.meanRanks(new double[][] {{1, 2}, {1}})).hasMessageContaining("1 and 2 arms");
    assertThatThrownBy(() -> Aggregate.meanRanks(new double[0][])).isInstanceOf(IllegalArgumentException.class);
  }
}
