package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Frequencies of drawn tokens against the probabilities that temperature, top-k and top-p leave. */
class SamplerTest {
  private static final double[] PROBABILITIES = {0.05, 0.4, 0.1, 0.2, 0.2, 0.05};
  private static final int DRAWS = 20_000;

  private static Tensor logits(double shift) {
    float[] values = new float[PROBABILITIES.length];
    for (int v = 0; v < values.length; v++) {
      values[v] = (float) (Math.log(PROBABILITIES[v]) + shift);
    }
    return Tensor.ofFloats(Shape.of(values.length), values);
  }

  private static void check(double temperature, int topK, double topP, double... expected) {
    var sampler = new Sampler(GenerationSettings.sampling(1, temperature, topK, topP, 5, Set.of()));
    int[] counts = new int[expected.length];
    Tensor logits = logits(3);
    for (int draw = 0; draw < DRAWS; draw++) {
      counts[sampler.draw(logits, draw % 10, draw / 10)]++;
    }
    for (int v = 0; v < expected.length; v++) {
      double p = expected[v];
      // Five standard deviations of a binomial share: one false alarm in millions of values.
      double bound = 5 * Math.sqrt(p * (1 - p) / DRAWS);
      assertThat((double) counts[v] / DRAWS).as("share of token %d", v).isCloseTo(p, within(bound));
    }
  }

  @Test
  void drawsByProbability() {
    check(1, 0, 1, PROBABILITIES);
  }

  @Test
  void temperatureSharpens() {
    double[] squares = new double[PROBABILITIES.length];
    double total = 0;
    for (double p : PROBABILITIES) {
      total += p * p;
    }
    for (int v = 0; v < squares.length; v++) {
      squares[v] = PROBABILITIES[v] * PROBABILITIES[v] / total;
    }
    check(0.5, 0, 1, squares);
  }

  @Test
  void topKKeepsTheLikeliestAndOfEqualsTheSmallerId() {
    check(1, 2, 1, 0, 0.4 / 0.6, 0, 0.2 / 0.6, 0, 0);
    check(1, 100, 1, PROBABILITIES);
  }

  @Test
  void topPKeepsTheShortestBeginningThatReachesIt() {
    check(1, 0, 0.79, 0, 0.5, 0, 0.25, 0.25, 0);
    check(1, 0, 0.39, 0, 1, 0, 0, 0, 0);
  }

  @Test
  void topPCountsWithinTopK() {
    // Of the three likeliest (0.4, 0.2, 0.2) the first two have 0.75 together.
    check(1, 3, 0.74, 0, 0.4 / 0.6, 0, 0.2 / 0.6, 0, 0);
  }

  @Test
  void refusesWhatMakesNoSense() {
    for (double temperature : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> GenerationSettings.sampling(1, temperature, 0, 1, 0, Set.of()))
          .isInstanceOf(InvalidInputException.class)
          .hasMessageContaining("temperature");
    }
    assertThatThrownBy(() -> GenerationSettings.sampling(1, 1, -1, 1, 0, Set.of()))
        .isInstanceOf(InvalidInputException.class);
    assertThatThrownBy(() -> GenerationSettings.sampling(1, 1, 0, 0, 0, Set.of()))
        .isInstanceOf(InvalidInputException.class);
    assertThatThrownBy(() -> GenerationSettings.greedy(0, Set.of())).isInstanceOf(InvalidInputException.class);
    var sampler = new Sampler(GenerationSettings.sampling(1, 1, 0, 1, 0, Set.of()));
    assertThatThrownBy(() -> sampler.draw(Tensor.ofFloats(Shape.of(2), 1, Float.NaN), 0, 0))
        .isInstanceOf(IllegalStateException.class);
  }
}
