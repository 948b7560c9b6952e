package dev.cocktail.eval.report;

import java.util.List;
import java.util.Locale;

/**
 * How a whole is shared out, as one bar for each case; every part that has room says how much it is.
 *
 * @param title what is shown
 * @param parts names of the parts
 * @param bars the cases
 */
public record ShareChart(String title, List<String> parts, List<Bar> bars) {
  /**
   * A case.
   *
   * @param shares of the parts, in their order; together 1
   */
  public record Bar(String name, List<Double> shares) {
    public Bar {
      shares = List.copyOf(shares);
    }
  }

  private static final double WIDTH = 420;
  private static final double NAMES = 92;
  private static final double ROW = 24;
  private static final double TOP = 24;
  private static final double LEAST_WITH_TEXT = 34;

  public ShareChart {
    parts = List.copyOf(parts);
    bars = List.copyOf(bars);
  }

  /** The chart as a figure. */
  public Html figure() {
    Html svg =
        Html.of("svg")
            .with("viewBox", "0 0 " + Numbers.plain(WIDTH) + " " + Numbers.plain(TOP + bars.size() * ROW + 4))
            .with("role", "img")
            .with("aria-label", title + ": " + String.join(", ", parts));
    double room = (WIDTH - 4) / Math.max(1, parts.size());
    for (int part = 0; part < parts.size(); part++) {
      double x = 4 + part * room;
      svg.add(Html.of("rect").with("x", x).with("y", 4).with("width", 11).with("height", 11).with("class", fill(part)));
      svg.add(LineChart.label(x + 15, 14, parts.get(part), "start"));
    }
    for (int number = 0; number < bars.size(); number++) {
      Bar bar = bars.get(number);
      double y = TOP + number * ROW;
      svg.add(LineChart.label(NAMES - 8, y + 15, bar.name(), "end"));
      double x = NAMES;
      for (int part = 0; part < bar.shares().size(); part++) {
        double width = bar.shares().get(part) * (WIDTH - NAMES - 4);
        svg.add(
            Html.of("rect")
                .with("x", x)
                .with("y", y)
                .with("width", width)
                .with("height", ROW - 4)
                .with("class", "segment " + fill(part)));
        if (width >= LEAST_WITH_TEXT) {
          String percent = String.format(Locale.ROOT, "%.0f %%", 100 * bar.shares().get(part));
          svg.add(LineChart.label(x + width / 2, y + 14, percent, "middle").with("class", "inside"));
        }
        x += width;
      }
    }
    return Html.of("figure").with("class", "chart").add(Html.of("figcaption", title), svg);
  }

  private static String fill(int part) {
    return "fill" + part % 5;
  }
}
