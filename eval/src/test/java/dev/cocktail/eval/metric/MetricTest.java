package dev.cocktail.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Metrics against values computed by hand. */
class MetricTest {
  private static final double ROUNDING = 1e-12;

  /** Items from their gold labels and the labels that were read, one letter each; ? could not be read. */
  private static List<Outcome> outcomes(String gold, String read) {
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < gold.length(); i++) {
      String answer = read.substring(i, i + 1);
      outcomes.add(
          Outcome.ofLabel(gold.substring(i, i + 1), answer.equals("?") ? Optional.empty() : Optional.of(answer)));
    }
    return outcomes;
  }

  private static void assertMetric(Metric metric, List<Outcome> outcomes, double expected) {
    assertThat(metric.of(outcomes).orElseThrow()).as(metric.label()).isCloseTo(expected, within(ROUNDING));
  }

  @Test
  void threeClassesByHand() {
    // Gold: a 4, b 2, c 2. Read: a 4 (3 right), b 2 (1 right), c 2 (1 right).
    List<Outcome> outcomes = outcomes("aaaabbcc", "aaabbcca");

    assertMetric(Metric.ACCURACY, outcomes, 5.0 / 8);
    assertMetric(Metric.BALANCED_ACCURACY, outcomes, (0.75 + 0.5 + 0.5) / 3);
    assertMetric(Metric.MACRO_F1, outcomes, (0.75 + 0.5 + 0.5) / 3);
    assertMetric(Metric.WEIGHTED_F1, outcomes, (4 * 0.75 + 2 * 0.5 + 2 * 0.5) / 8);
    // (5 * 8 - (16 + 4 + 4)) / sqrt((64 - 24) (64 - 24))
    assertMetric(Metric.MATTHEWS_CORRELATION, outcomes, 16.0 / 40);
    assertThat(Metric.unreadable(outcomes)).hasValue(0);
  }

  @Test
  void twoClassesAgreeWithTheFormulaOfTheFourCounts() {
    // TP 3, FN 1, FP 2, TN 4 for class p.
    List<Outcome> outcomes = outcomes("ppppnnnnnn", "pppnppnnnn");

    double matthews = (3.0 * 4 - 2 * 1) / Math.sqrt(5.0 * 4 * 6 * 5);
    assertMetric(Metric.MATTHEWS_CORRELATION, outcomes, matthews);
    assertMetric(Metric.BALANCED_ACCURACY, outcomes, (3.0 / 4 + 4.0 / 6) / 2);
    double f1OfP = 2 * 3.0 / (2 * 3 + 1 + 2);
    double f1OfN = 2 * 4.0 / (2 * 4 + 1 + 2);
    assertMetric(Metric.MACRO_F1, outcomes, (f1OfP + f1OfN) / 2);
    assertMetric(Metric.WEIGHTED_F1, outcomes, 0.4 * f1OfP + 0.6 * f1OfN);
  }

  /** scikit-learn's documentation of f1_score: true 0 1 2 0 1 2, predicted 0 2 1 0 0 1; macro and weighted 0.26... */
  @Test
  void theExampleOfScikitLearnsF1Score() {
    List<Outcome> outcomes = outcomes("012012", "021001");

    assertMetric(Metric.MACRO_F1, outcomes, 0.8 / 3);
    assertMetric(Metric.WEIGHTED_F1, outcomes, 0.8 / 3);
  }

  /** scikit-learn's documentation of balanced_accuracy_score and matthews_corrcoef: 0.625 and -0.33... */
  @Test
  void theExamplesOfScikitLearnsBalancedAccuracyAndMatthews() {
    assertMetric(Metric.BALANCED_ACCURACY, outcomes("010010", "010001"), 0.625);
    assertMetric(Metric.MATTHEWS_CORRELATION, outcomes("+++-", "+-++"), -1.0 / 3);
  }

  @Test
  void whatCouldNotBeReadIsWrongAndNoClass() {
    // F1 of a: 2 * 2 / (3 + 2), of b: 2 * 1 / (1 + 1); an own class of unreadable answers would add a 0.
    List<Outcome> outcomes = outcomes("aaab", "aa?b");

    assertThat(Metric.unreadable(outcomes)).hasValue(0.25);
    assertMetric(Metric.ACCURACY, outcomes, 0.75);
    assertMetric(Metric.BALANCED_ACCURACY, outcomes, (2.0 / 3 + 1) / 2);
    assertMetric(Metric.MACRO_F1, outcomes, (0.8 + 1) / 2);
    assertMetric(Metric.WEIGHTED_F1, outcomes, 0.75 * 0.8 + 0.25);
    // c 3, n 4, sum p t = 2 * 3 + 1 * 1, sum p^2 = 4 + 1 + 1 (the unreadable), sum t^2 = 9 + 1
    assertMetric(Metric.MATTHEWS_CORRELATION, outcomes, (12 - 7) / Math.sqrt(10.0 * 6));
  }

  @Test
  void allUnreadable() {
    List<Outcome> outcomes = outcomes("aab", "???");

    assertThat(Metric.unreadable(outcomes)).hasValue(1);
    for (Metric metric : Metric.values()) {
      assertMetric(metric, outcomes, 0);
    }
  }

  @Test
  void oneClassOnly() {
    List<Outcome> right = outcomes("aaa", "aaa");
    assertMetric(Metric.ACCURACY, right, 1);
    assertMetric(Metric.BALANCED_ACCURACY, right, 1);
    assertMetric(Metric.MACRO_F1, right, 1);
    assertMetric(Metric.WEIGHTED_F1, right, 1);
    assertMetric(Metric.MATTHEWS_CORRELATION, right, 0); // No correlation with what does not vary.

    List<Outcome> strayed = outcomes("aaa", "aab");
    assertMetric(Metric.BALANCED_ACCURACY, strayed, 2.0 / 3);
    assertMetric(Metric.MACRO_F1, strayed, (0.8 + 0) / 2); // b was answered and is never right.
    assertMetric(Metric.WEIGHTED_F1, strayed, 0.8);
    assertMetric(Metric.MATTHEWS_CORRELATION, strayed, 0);
  }

  @Test
  void alwaysTheSameAnswerIsChance() {
    List<Outcome> outcomes = outcomes("aabb", "aaaa");
    assertMetric(Metric.MATTHEWS_CORRELATION, outcomes, 0);
    assertMetric(Metric.BALANCED_ACCURACY, outcomes, 0.5);
    assertMetric(Metric.MACRO_F1, outcomes, (2.0 / 3 + 0) / 2);
  }

  @Test
  void textAndNumbersAreRightAsTheirReadersSay() {
    List<Outcome> outcomes =
        List.of(
            new Outcome("12.5%", Optional.of("0.125"), true),
            new Outcome("3", Optional.of("4"), false),
            new Outcome("3", Optional.empty(), false));
    assertMetric(Metric.NUMERIC_MATCH, outcomes, 1.0 / 3);
    assertMetric(Metric.EXACT_MATCH, outcomes, 1.0 / 3);
    assertThatThrownBy(() -> new Outcome("3", Optional.empty(), true)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void freeTextIsScoredByTheProbabilityOfItsTokens() {
    List<Outcome> outcomes =
        List.of(
            new Outcome("a", Optional.of("b"), false, 0.5),
            new Outcome("a", Optional.of("a"), true, 0.25),
            new Outcome("a", Optional.of("a"), true));
    assertMetric(Metric.TOKEN_PROBABILITY, outcomes, 0.25);
  }

  @ParameterizedTest
  @EnumSource(Metric.class)
  void noItemsHaveNoValue(Metric metric) {
    assertThat(metric.of(List.of())).isEmpty();
    assertThat(Metric.unreadable(List.of())).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Metric.class)
  void metricsHaveNames(Metric metric) {
    assertThat(Metric.of(metric.label())).isEqualTo(metric);
  }

  @Test
  void unknownNamesAreRefused() {
    assertThatThrownBy(() -> Metric.of("acuracy"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContainingAll("'acuracy'", "the nearest is 'accuracy'", "matthews_correlation");
  }
}
