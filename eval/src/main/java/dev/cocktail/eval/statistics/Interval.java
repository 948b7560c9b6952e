package dev.cocktail.eval.statistics;

/**
 * A confidence interval.
 *
 * @param low its lower end
 * @param high its upper end, no smaller
 * @param level the share of such intervals that is to hold the true value, such as 0.95
 */
public record Interval(double low, double high, double level) {
  /** The level used where nobody asks for another. */
  public static final double DEFAULT_LEVEL = 0.95;

  public Interval {
    if (!(low <= high)) {
      throw new IllegalArgumentException("an interval from " + low + " to " + high);
    }
    if (!(level > 0 && level < 1)) {
      throw new IllegalArgumentException("a level of " + level + "; expected more than 0 and less than 1");
    }
  }

  /** Whether a value lies in it, ends included. */
  public boolean holds(double value) {
    return low <= value && value <= high;
  }
}
