package dev.cocktail.transformer.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.Tensor;
import java.util.function.LongPredicate;

/**
 * How far a tensor is from what it should be.
 *
 * @param relativeL2 {@code |actual - expected| / |expected|}
 * @param relativeMax largest absolute difference over the largest expected magnitude
 */
public record Difference(double relativeL2, double relativeMax) {
  /** Over all elements of two host tensors of equal element counts. */
  public static Difference of(Tensor actual, Tensor expected) {
    return of(actual, expected, _ -> true);
  }

  /** Over the elements whose index passes. */
  public static Difference of(Tensor actual, Tensor expected, LongPredicate counts) {
    assertThat(actual.elements()).as("elements of %s against %s", actual, expected).isEqualTo(expected.elements());
    double squares = 0;
    double reference = 0;
    double max = 0;
    double maxReference = 0;
    for (long i = 0; i < expected.elements(); i++) {
      if (!counts.test(i)) {
        continue;
      }
      double difference = Math.abs(actual.get(i) - expected.get(i));
      if (Double.isNaN(difference)) {
        return new Difference(Double.NaN, Double.NaN);
      }
      squares += difference * difference;
      reference += expected.get(i) * expected.get(i);
      max = Math.max(max, difference);
      maxReference = Math.max(maxReference, Math.abs(expected.get(i)));
    }
    if (reference == 0) {
      return new Difference(squares == 0 ? 0 : Double.POSITIVE_INFINITY, max == 0 ? 0 : Double.POSITIVE_INFINITY);
    }
    return new Difference(Math.sqrt(squares / reference), max / maxReference);
  }

  /** Fails, naming what was compared, unless both measures are within their bounds. */
  public void assertWithin(String what, double maxRelativeL2, double maxRelativeMax) {
    assertThat(relativeL2).as("relative L2 of %s", what).isLessThanOrEqualTo(maxRelativeL2);
    assertThat(relativeMax).as("relative maximum of %s", what).isLessThanOrEqualTo(maxRelativeMax);
  }
}
