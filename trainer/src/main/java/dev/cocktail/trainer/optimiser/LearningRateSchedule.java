package dev.cocktail.trainer.optimiser;

import static java.util.Objects.requireNonNull;

import java.util.function.IntToDoubleFunction;

/**
 * How the learning rate changes over a run: it rises linearly from 0 in the warm-up, then stays, falls linearly to 0,
 * or falls to 0 along half a cosine. The formulas are those of Transformers' {@code get_constant_schedule_with_warmup},
 * {@code get_linear_schedule_with_warmup} and {@code get_cosine_schedule_with_warmup}.
 *
 * @param shape what follows the warm-up
 * @param peak the rate after the warm-up, above 0
 * @param warmupSteps steps of the warm-up, at least 0; the step of that number is the first at the peak
 * @param totalSteps steps of the run
 */
public record LearningRateSchedule(Shape shape, double peak, int warmupSteps, int totalSteps)
    implements IntToDoubleFunction {
  /** What follows the warm-up. */
  public enum Shape {
    /** The peak. */
    CONSTANT,
    /** A straight line to 0. */
    LINEAR,
    /** Half a cosine to 0. */
    COSINE
  }

  public LearningRateSchedule {
    requireNonNull(shape, "shape");
    if (!(peak > 0) || Double.isInfinite(peak) || warmupSteps < 0 || totalSteps < 0) {
      throw new IllegalArgumentException(
          "peak " + peak + ", " + warmupSteps + " of " + totalSteps + " steps of warm-up");
    }
  }

  /** How many steps a share of the run is, rounded up as Transformers does. */
  public static int warmupSteps(double ratio, int totalSteps) {
    if (!(ratio >= 0 && ratio <= 1)) {
      throw new IllegalArgumentException("warm-up ratio " + ratio);
    }
    return (int) Math.ceil(totalSteps * ratio);
  }

  /** The learning rate of a step, counted from 0. */
  @Override
  public double applyAsDouble(int step) {
    return peak * factor(step);
  }

  private double factor(int step) {
    if (step < 0) {
      throw new IllegalArgumentException("step " + step);
    }
    if (step < warmupSteps) {
      return (double) step / warmupSteps;
    }
    int falling = Math.max(1, totalSteps - warmupSteps);
    return switch (shape) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, (double) (totalSteps - step) / falling);
      // Behind its end the cosine would rise again.
      case COSINE ->
          step >= totalSteps ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (step - warmupSteps) / falling)));
    };
  }
}
