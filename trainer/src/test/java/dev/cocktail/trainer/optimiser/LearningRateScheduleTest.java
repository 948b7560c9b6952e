package dev.cocktail.trainer.optimiser;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.trainer.optimiser.LearningRateSchedule.Shape;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {
  /** The rates that Transformers used for its golden run: cosine, 2 steps of warm-up, 5 steps, peak 1e-3. */
  @Test
  void cosineIsThatOfTransformers() {
    var schedule = new LearningRateSchedule(Shape.COSINE, 1e-3, 2, 5);
    double[] used = {0, 5e-4, 1e-3, 7.5e-4, 2.500000000000001e-4};
    for (int step = 0; step < used.length; step++) {
      assertThat(schedule.applyAsDouble(step)).isCloseTo(used[step], within(4 * Math.ulp(1e-3)));
    }
    assertThat(schedule.applyAsDouble(5)).isZero();
    assertThat(schedule.applyAsDouble(6)).isZero();
  }

  @Test
  void linearFallsToZero() {
    var schedule = new LearningRateSchedule(Shape.LINEAR, 1.0, 2, 6);
    double[] expected = {0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0};
    for (int step = 0; step < expected.length; step++) {
      assertThat(schedule.applyAsDouble(step)).isEqualTo(expected[step]);
    }
  }

  @Test
  void constantStays() {
    var schedule = new LearningRateSchedule(Shape.CONSTANT, 3e-4, 0, 5);
    assertThat(schedule.applyAsDouble(0)).isEqualTo(3e-4);
    assertThat(schedule.applyAsDouble(1000)).isEqualTo(3e-4);
  }

  @Test
  void withoutWarmUpTheFirstStepIsAtThePeak() {
    for (Shape shape : Shape.values()) {
      assertThat(new LearningRateSchedule(shape, 1e-3, 0, 7).applyAsDouble(0)).isEqualTo(1e-3);
    }
  }

  @Property
  void everyRateIsBetweenZeroAndThePeak(
      @ForAll Shape shape,
      @ForAll @IntRange(max = 50) int warmup,
      @ForAll @IntRange(max = 50) int total,
      @ForAll @IntRange(max = 120) int step) {
    assertThat(new LearningRateSchedule(shape, 2e-4, warmup, total).applyAsDouble(step)).isBetween(0.0, 2e-4);
  }

  @Property
  void theWarmUpEndsAtThePeak(
      @ForAll Shape shape, @ForAll @IntRange(max = 50) int warmup, @ForAll @IntRange(min = 1, max = 50) int more) {
    assertThat(new LearningRateSchedule(shape, 2e-4, warmup, warmup + more).applyAsDouble(warmup)).isEqualTo(2e-4);
  }

  @Test
  void sharesOfTheRunAreRoundedUp() {
    assertThat(LearningRateSchedule.warmupSteps(0.03, 100)).isEqualTo(3);
    assertThat(LearningRateSchedule.warmupSteps(0.03, 101)).isEqualTo(4);
    assertThat(LearningRateSchedule.warmupSteps(0, 101)).isZero();
    assertThatIllegalArgumentException().isThrownBy(() -> LearningRateSchedule.warmupSteps(1.1, 10));
  }
}
