package dev.cocktail.eval.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class AdditiveModelTest {
  private static final List<String> NAMES = List.of("a", "b", "c", "d");

  /** All 16 subsets of four additions. */
  private static List<Set<String>> all() {
    List<Set<String>> mixes = new ArrayList<>();
    for (int bits = 0; bits < 16; bits++) {
      Set<String> mix = new TreeSet<>();
      for (int i = 0; i < 4; i++) {
        if ((bits >> i & 1) != 0) {
          mix.add(NAMES.get(i));
        }
      }
      mixes.add(mix);
    }
    return mixes;
  }

  @Test
  void interactionsAreWhatSumsLeaveOver() {
    // Alone 60, with a 62, with b 61, with both 66: 3 points more than the sum of what each adds.
    assertThat(Interaction.of(66, 62, 61, 60)).isEqualTo(3);
    AdditiveModel model =
        AdditiveModel.fit(
            List.of(Set.of(), Set.of("a"), Set.of("b"), Set.of("a", "b")), new double[] {60, 62, 61, 66}, true, 0);
    assertThat(model.alone()).isCloseTo(60, within(1e-9));
    assertThat(model.effects().get(Set.of("a"))).isCloseTo(2, within(1e-9));
    assertThat(model.effects().get(Set.of("b"))).isCloseTo(1, within(1e-9));
    assertThat(model.effects().get(Set.of("a", "b"))).isCloseTo(3, within(1e-9));
    assertThatThrownBy(() -> Interaction.of(1, 2, Double.NaN, 3)).hasMessageContaining("NaN");
  }

  @Provide
  Arbitrary<double[]> truths() {
    return Arbitraries.doubles().between(-5, 5).array(double[].class).ofSize(11);
  }

  @Property(tries = 50)
  void sumsAreFoundAgainAndPredicted(@ForAll("truths") double[] truth) {
    List<Set<String>> mixes = all();
    double[] scores = mixes.stream().mapToDouble(mix -> score(mix, truth)).toArray();

    AdditiveModel model = AdditiveModel.fit(mixes, scores, true, 0);

    assertThat(model.alone()).isCloseTo(truth[0], within(1e-9));
    assertThat(model.effects()).hasSize(10);
    assertThat(model.effects().get(Set.of("c"))).isCloseTo(truth[3], within(1e-9));
    assertThat(model.effects().get(Set.of("d", "c"))).isCloseTo(truth[10], within(1e-9));
    AdditiveModel.CrossValidation left = AdditiveModel.crossValidate(mixes, scores, true, 0);
    assertThat(left.error()).isCloseTo(0, within(1e-8));
    for (int i = 0; i < mixes.size(); i++) {
      assertThat(left.predicted()[i]).isCloseTo(scores[i], within(1e-8));
    }
  }

  private static double score(Set<String> mix, double[] truth) {
    double sum = truth[0];
    int term = 5;
    for (int i = 0; i < 4; i++) {
      sum += mix.contains(NAMES.get(i)) ? truth[1 + i] : 0;
      for (int j = i + 1; j < 4; j++) {
        sum += mix.contains(NAMES.get(i)) && mix.contains(NAMES.get(j)) ? truth[term] : 0;
        term++;
      }
    }
    return sum;
  }

  @Test
  void leavingOutByHand() {
    // Without any additions each score is predicted by the mean of the two others: errors 1.5, 0, 1.5.
    List<Set<String>> mixes = List.of(Set.of(), Set.of(), Set.of());
    AdditiveModel.CrossValidation left = AdditiveModel.crossValidate(mixes, new double[] {1, 2, 3}, false, 0);
    assertThat(left.predicted()).containsExactly(2.5, 2, 1.5);
    assertThat(left.error()).isCloseTo(Math.sqrt(1.5), within(1e-12));
    assertThat(left.explained()).isEqualTo(0);
    assertThat(AdditiveModel.crossValidate(mixes, new double[] {2, 2, 2}, false, 0).explained()).isNaN();
  }

  @Test
  void aRidgeShrinks() {
    // One addition in one of two mixes: x is -+1/2 about its mean and y -+2, so beta = 2 / (1/2 + ridge).
    List<Set<String>> mixes = List.of(Set.of(), Set.of("a"));
    for (double ridge : new double[] {0, .5, 1.5}) {
      AdditiveModel model = AdditiveModel.fit(mixes, new double[] {4, 8}, false, ridge);
      double beta = 2 / (.5 + ridge);
      assertThat(model.effects().get(Set.of("a"))).isCloseTo(beta, within(1e-12));
      assertThat(model.alone()).isCloseTo(6 - beta / 2, within(1e-12));
      assertThat(model.predict(Set.of("a", "never seen"))).isCloseTo(6 + beta / 2, within(1e-12));
    }
  }

  @Test
  void whatDeterminesNothingIsRefused() {
    // a and b always come together.
    List<Set<String>> mixes = List.of(Set.of(), Set.of("a", "b"), Set.of("c"), Set.of("a", "b", "c"));
    double[] scores = {1, 2, 3, 4};
    assertThatThrownBy(() -> AdditiveModel.fit(mixes, scores, false, 0)).hasMessageContaining("do not determine");
    AdditiveModel shared = AdditiveModel.fit(mixes, scores, false, 1e-6);
    assertThat(shared.effects().get(Set.of("a"))).isCloseTo(shared.effects().get(Set.of("b")), within(1e-9));
    assertThatThrownBy(() -> AdditiveModel.fit(List.of(), new double[0], false, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> AdditiveModel.fit(mixes, new double[] {1, 2, 3, Double.NaN}, false, 1))
        .hasMessageContaining("NaN");
    assertThatThrownBy(() -> AdditiveModel.crossValidate(mixes.subList(0, 2), new double[] {1, 2}, false, 1))
        .hasMessageContaining("at least three");
  }

  @Test
  void oneMixtureMayBeMissingWhereTheOthersStillTell() {
    Set<String> a = Set.of("a");
    Set<String> b = Set.of("b");
    Set<String> both = Set.of("a", "b");
    assertThat(AdditiveModel.canBeCrossValidated(List.of(Set.of(), a, b, both))).isTrue();
    // Without the empty one, nothing tells mu from a and b.
    assertThat(AdditiveModel.canBeCrossValidated(List.of(Set.of(), a, b))).isFalse();
    assertThat(AdditiveModel.canBeCrossValidated(List.of(Set.of(), both, Set.of("a", "b", "c")))).isFalse();
    assertThat(AdditiveModel.canBeCrossValidated(List.of(a, b, both, Set.of("c")))).isFalse();
    assertThat(AdditiveModel.canBeCrossValidated(List.of(Set.of(), a))).isFalse();
  }
}
