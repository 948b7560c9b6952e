package dev.cocktail.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** What holds of metrics whatever the outcomes are. */
class MetricPropertyTest {
  private static final double ROUNDING = 1e-9;

  @Provide
  Arbitrary<List<Outcome>> outcomes() {
    var labels = Arbitraries.of("a", "b", "c", "d");
    return Combinators.combine(labels, labels.optional(0.8)).as(Outcome::ofLabel).list().ofMinSize(1).ofMaxSize(40);
  }

  @Property(tries = 200)
  void valuesAreWithinTheirBoundsInAnyOrder(@ForAll("outcomes") List<Outcome> outcomes, @ForAll long seed) {
    List<Outcome> shuffled = new ArrayList<>(outcomes);
    Collections.shuffle(shuffled, new Random(seed));
    for (Metric metric : Metric.values()) {
      double value = metric.of(outcomes).orElseThrow();
      assertThat(value).isBetween(metric == Metric.MATTHEWS_CORRELATION ? -1 - ROUNDING : 0, 1 + ROUNDING);
      assertThat(metric.of(shuffled).orElseThrow()).isCloseTo(value, within(ROUNDING));
    }
  }

  @Property(tries = 200)
  void repeatingAllItemsChangesNothing(@ForAll("outcomes") List<Outcome> outcomes) {
    List<Outcome> twice = new ArrayList<>(outcomes);
    twice.addAll(outcomes);
    for (Metric metric : Metric.values()) {
      assertThat(metric.of(twice).orElseThrow()).isCloseTo(metric.of(outcomes).orElseThrow(), within(ROUNDING));
    }
  }

  @Property(tries = 200)
  void matthewsIsPearsonsCorrelationOfTheIndicators(@ForAll("outcomes") List<Outcome> outcomes) {
    // R_K = cov(X, Y) / sqrt(cov(X, X) cov(Y, Y)), with one indicator column a class, unreadable included.
    List<String> classes = List.of("a", "b", "c", "d", "unreadable");
    double crossed = 0;
    double golds = 0;
    double reads = 0;
    for (String label : classes) {
      double gold = outcomes.stream().filter(o -> o.gold().equals(label)).count() / (double) outcomes.size();
      double read = outcomes.stream().filter(o -> read(o).equals(label)).count() / (double) outcomes.size();
      for (Outcome outcome : outcomes) {
        double x = (outcome.gold().equals(label) ? 1 : 0) - gold;
        double y = (read(outcome).equals(label) ? 1 : 0) - read;
        crossed += x * y;
        golds += x * x;
        reads += y * y;
      }
    }
    double expected = golds < ROUNDING || reads < ROUNDING ? 0 : crossed / Math.sqrt(golds * reads);
    assertThat(Metric.MATTHEWS_CORRELATION.of(outcomes).orElseThrow()).isCloseTo(expected, within(ROUNDING));
  }

  private static String read(Outcome outcome) {
    return outcome.read().orElse("unreadable");
  }

  @Property(tries = 200)
  void balancedLabelsMakeBalancedAccuracyAccuracy(@ForAll("outcomes") List<Outcome> outcomes) {
    List<Outcome> balanced = new ArrayList<>();
    for (String label : List.of("a", "b", "c", "d")) {
      for (int i = 0; i < outcomes.size(); i++) {
        Optional<String> read = outcomes.get((i * 7 + label.charAt(0)) % outcomes.size()).read();
        balanced.add(Outcome.ofLabel(label, read));
      }
    }
    assertThat(Metric.BALANCED_ACCURACY.of(balanced).orElseThrow())
        .isCloseTo(Metric.ACCURACY.of(balanced).orElseThrow(), within(ROUNDING));
  }
}
