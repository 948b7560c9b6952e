package dev.cocktail.eval.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers as charts write them, and places for the marks on an axis. */
final class Numbers {
  private Numbers() {}

  /** With two digits after the point at most, none where they are zeros. */
  static String plain(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    text = text.replaceFirst("\\.?0+$", "");
    return text.equals("-0") ? "0" : text;
  }

  /** Round numbers, 1, 2 or 5 times a power of ten apart, that lie in a range; about so many. */
  static List<Double> marks(double low, double high, int about) {
    double raw = (high - low) / about;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double ratio = raw / power;
    double distance = power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
    List<Double> marks = new ArrayList<>();
    for (long k = (long) Math.ceil(low / distance - 1e-9); k * distance <= high + 1e-9 * distance; k++) {
      marks.add(k * distance);
    }
    return marks;
  }
}
