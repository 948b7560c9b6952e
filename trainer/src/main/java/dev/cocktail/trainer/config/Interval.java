package dev.cocktail.trainer.config;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.math.BigDecimal;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How often something happens in a run: every so many steps, every so many epochs, or only at the end.
 *
 * @param amount above 0; 0 for never
 * @param unit what is counted
 */
public record Interval(double amount, Unit unit) {
  /** What an interval counts. */
  public enum Unit {
    STEPS,
    EPOCHS
  }

  /** Only at the end. */
  public static final Interval NEVER = new Interval(0, Unit.STEPS);

  private static final Pattern FORMAT = Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)\\s*(steps?|epochs?)");

  public Interval {
    requireNonNull(unit, "unit");
    if (!(amount >= 0) || Double.isInfinite(amount)) {
      throw new IllegalArgumentException("interval of " + amount);
    }
  }

  /**
   * Reads such as {@code 0.25 epochs}, {@code 1 epoch}, {@code 100 steps}, {@code never}.
   *
   * @throws InvalidInputException saying what was expected
   */
  public static Interval parse(String text) {
    if (text.equals("never")) {
      return NEVER;
    }
    Matcher matcher = FORMAT.matcher(text);
    if (matcher.matches()) {
      double amount = Double.parseDouble(matcher.group(1));
      Unit unit = matcher.group(2).startsWith("step") ? Unit.STEPS : Unit.EPOCHS;
      boolean whole = amount == Math.rint(amount);
      if (amount > 0 && (unit == Unit.EPOCHS || whole)) {
        return new Interval(amount, unit);
      }
    }
    throw new InvalidInputException(
        "'" + text + "' is no interval; expected such as '0.25 epochs', '100 steps' or 'never'");
  }

  /**
   * The interval in steps.
   *
   * @param stepsPerEpoch steps that pass over the data once, not necessarily whole
   * @return at least 1; 0 for never
   */
  public int steps(double stepsPerEpoch) {
    if (amount == 0) {
      return 0;
    }
    double steps = unit == Unit.STEPS ? amount : amount * stepsPerEpoch;
    return (int) Math.max(1, Math.round(steps));
  }

  /** As it is written in the file. */
  @Override
  public String toString() {
    if (amount == 0) {
      return "never";
    }
    return BigDecimal.valueOf(amount).stripTrailingZeros().toPlainString() + " " + unit.name().toLowerCase(Locale.ROOT);
  }
}
