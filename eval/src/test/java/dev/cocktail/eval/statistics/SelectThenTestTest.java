package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.eval.statistics.SelectThenTest.Trial;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class SelectThenTestTest {
  private static final Clusters VALIDATION = Clusters.ofSingles(50);
  private static final Clusters TEST = Clusters.ofSingles(100);
  private static final SelectThenTest COMPARISON = new SelectThenTest(VALIDATION, TEST, 999, 2);

  private static ClusterSums sums(Clusters clusters, int right) {
    double[] items = new double[clusters.count()];
    Arrays.fill(items, 0, right, 1);
    return clusters.sums(Shares.ofSingles(items));
  }

  private static List<Trial> trials(int... rights) {
    List<Trial> trials = new ArrayList<>();
    for (int i = 0; i < rights.length; i += 2) {
      trials.add(new Trial(sums(VALIDATION, rights[i]), sums(TEST, rights[i + 1])));
    }
    return trials;
  }

  @Test
  void theBestOnValidationIsTestedThoughAnotherTestsBetter() {
    List<Trial> first = trials(30, 60, 40, 55, 35, 90);
    List<Trial> second = trials(20, 70, 25, 50, 22, 80);
    assertThat(COMPARISON.select(first)).isEqualTo(1);
    assertThat(COMPARISON.select(trials(30, 1, 30, 2))).isZero();

    PairedDifference difference = COMPARISON.difference(first, second, .95);

    assertThat(difference.value()).isCloseTo(.05, within(1e-12));
    assertThat(difference.interval().holds(.05)).isTrue();
    // The tests of those that are not chosen differ by .30 and more: choosing anew has to show.
    assertThat(difference.interval().high() - difference.interval().low()).isGreaterThan(.3);
    assertThat(COMPARISON.difference(first, second, .95)).isEqualTo(difference);
    assertThat(COMPARISON.difference(second, first, .95).value()).isCloseTo(-.05, within(1e-12));
  }

  @Test
  void fewTrialsCannotShowMuch() {
    // Two against two: of six assignments at least two are as extreme.
    PairedDifference difference = COMPARISON.difference(trials(40, 90, 39, 91), trials(10, 10, 9, 11), .95);
    assertThat(difference.probability()).isBetween(.25, .42);
    assertThat(COMPARISON.difference(trials(40, 90), trials(10, 10), .95).probability()).isEqualTo(1);
  }

  @Test
  void unequalEffortIsRefused() {
    assertThatThrownBy(() -> COMPARISON.difference(trials(1, 1, 2, 2), trials(1, 1), .95))
        .hasMessageContaining("2 and 1 trials");
    assertThatThrownBy(() -> COMPARISON.difference(List.of(), List.of(), .95))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new SelectThenTest(VALIDATION, Clusters.ofSingles(0), 10, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
