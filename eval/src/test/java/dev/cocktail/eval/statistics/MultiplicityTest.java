package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class MultiplicityTest {
  @Test
  void holmsExample() {
    assertThat(Holm.adjust(new double[] {.01, .04, .03, .005}))
        .containsExactly(new double[] {.03, .06, .06, .02}, within(1e-12));
    assertThat(Holm.adjust(new double[] {.9, .8})).containsExactly(1, 1);
    assertThat(Holm.adjust(new double[0])).isEmpty();
  }

  @Test
  void benjaminisAndHochbergsExample() {
    // Sorted .005 .01 .03 .04 times 4/1, 4/2, 4/3, 4/4: .02 .02 .04 .04.
    assertThat(BenjaminiHochberg.adjust(new double[] {.01, .04, .03, .005}))
        .containsExactly(new double[] {.02, .04, .04, .02}, within(1e-12));
    // .03 * 3 = .09 and .04 * 3 / 2 = .06: the first may not be larger than the second.
    assertThat(BenjaminiHochberg.adjust(new double[] {.03, .04, .9}))
        .containsExactly(new double[] {.06, .06, .9}, within(1e-12));
    assertThat(BenjaminiHochberg.adjust(new double[] {1})).containsExactly(1);
    assertThat(BenjaminiHochberg.adjust(new double[0])).isEmpty();
  }

  @Test
  void whatIsNoProbabilityIsRefused() {
    for (double p : new double[] {Double.NaN, -.1, 1.1}) {
      assertThatThrownBy(() -> Holm.adjust(new double[] {.5, p})).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> BenjaminiHochberg.adjust(new double[] {p})).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Provide
  Arbitrary<double[]> probabilities() {
    return Arbitraries.doubles().between(0, 1).array(double[].class).ofMinSize(1).ofMaxSize(12);
  }

  @Property(tries = 300)
  void adjustingKeepsTheOrderAndNeverHelps(@ForAll("probabilities") double[] probabilities) {
    double[] holm = Holm.adjust(probabilities);
    double[] discovery = BenjaminiHochberg.adjust(probabilities);
    for (int i = 0; i < probabilities.length; i++) {
      assertThat(discovery[i]).isBetween(probabilities[i] * (1 - 1e-12), 1.0);
      assertThat(holm[i]).isBetween(discovery[i] * (1 - 1e-12), 1.0);
      for (int j = 0; j < probabilities.length; j++) {
        if (probabilities[i] < probabilities[j]) {
          assertThat(holm[i]).isLessThanOrEqualTo(holm[j]);
          assertThat(discovery[i]).isLessThanOrEqualTo(discovery[j]);
        }
      }
    }
  }
}
