package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PowerTest {
  /** The minimal detectable differences, in points, of the paper's test sets. */
  @ParameterizedTest
  @CsvSource({
    ".08,970,2.5",
    ".08,2388,1.6",
    ".08,4117,1.2",
    ".08,3500,1.3",
    ".08,2283,1.7",
    ".2,1147,3.7",
    ".2,1490,3.2"
  })
  void whatTestSetsCanShow(double discordance, int items, double points) {
    double error = Power.standardError(discordance, items, 1);
    assertThat(100 * Power.minimalDifference(error, .05, .8)).isCloseTo(points, within(.05));
    assertThat(Power.items(discordance, Power.minimalDifference(error, .05, .8), .05, .8))
        .isBetween((long) items, items + 1L);
  }

  @Test
  void multipliersAreThoseOfNormalTables() {
    assertThat(Power.multiplier(.05, .8)).isCloseTo(1.959964 + .841621, within(1e-6));
    assertThat(Power.multiplier(.01, .9)).isCloseTo(2.575829 + 1.281552, within(1e-6));
    assertThat(Power.multiplier(.05, .5)).isCloseTo(1.959964, within(1e-6));
  }

  @Test
  void powerIsThatOfTheDifferenceThatItFinds() {
    assertThat(Power.power(Power.minimalDifference(.01, .05, .8), .01, .05)).isCloseTo(.8, within(1e-4));
    assertThat(Power.power(0, .01, .05)).isCloseTo(.05, within(1e-12));
    assertThat(Power.power(-.02, .01, .05)).isEqualTo(Power.power(.02, .01, .05));
  }

  @Test
  void itemsOfAClusterKnowLess() {
    assertThat(Power.designEffect(1, .7)).isEqualTo(1);
    assertThat(Power.designEffect(9, 0)).isEqualTo(1);
    // Nine questions that all say the same are one.
    assertThat(Power.standardError(.1, 900, Power.designEffect(9, 1)))
        .isCloseTo(Power.standardError(.1, 100, 1), within(1e-12));
    assertThat(Power.designEffect(3, .25)).isEqualTo(1.5);
  }

  @Test
  void whatHasNoPowerIsRefused() {
    assertThatThrownBy(() -> Power.standardError(1.2, 10, 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.standardError(.1, 0, 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.multiplier(0, .8)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.multiplier(.05, 1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.designEffect(3, -1)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.items(.1, 0, .05, .8)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.power(.1, 0, .05)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Power.minimalDifference(Double.NaN, .05, .8)).hasMessageContaining("NaN");
  }
}
