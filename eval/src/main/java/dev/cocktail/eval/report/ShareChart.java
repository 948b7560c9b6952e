package dev.cocktail.eval.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

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
  private static final double EDGE = 4;
  private static final double ROW = 24;
  private static final double NAME_ABOVE = 17;
  private static final double BESIDE = 92;
  private static final int LONGEST_BESIDE = 11;
  private static final double SIGN = 15;
  private static final double LEAST_WITH_TEXT = 34;
  private static final int COLOURS = 5;

  public ShareChart {
    parts = List.copyOf(parts);
    bars = List.copyOf(bars);
  }

  /** The chart as a figure. */
  public Html figure() {
    var names = new Legend(IntStream.range(0, parts.size()).mapToObj(this::legend).toList(), EDGE, WIDTH, SIGN);
    boolean above = bars.stream().anyMatch(bar -> bar.name().length() > LONGEST_BESIDE);
    double row = above ? ROW + NAME_ABOVE : ROW;
    double left = above ? EDGE : BESIDE;
    double top = names.rows() * Legend.ROW + EDGE;
    Html svg =
        Html.of("svg")
            .with("viewBox", "0 0 " + Numbers.plain(WIDTH) + " " + Numbers.plain(top + bars.size() * row + EDGE))
            .with("role", "img")
            .with("aria-label", title + ": " + String.join(", ", parts));
    for (int part = 0; part < parts.size(); part++) {
      double[] place = names.place(part);
      double y = place[1] * Legend.ROW + 4;
      svg.add(
          Html.of("rect")
              .with("x", place[0])
              .with("y", y)
              .with("width", 11)
              .with("height", 11)
              .with("class", fill(part)));
      svg.add(LineChart.label(place[0] + SIGN, y + 10, names.names().get(part), "start"));
    }
    for (int number = 0; number < bars.size(); number++) {
      Bar bar = bars.get(number);
      double y = top + number * row;
      if (above) {
        svg.add(LineChart.label(EDGE, y + 13, bar.name(), "start"));
        y += NAME_ABOVE;
      } else {
        svg.add(LineChart.label(left - 8, y + 15, bar.name(), "end"));
      }
      draw(svg, bar, left, y);
    }
    return Html.of("figure").with("class", "chart").add(Html.of("figcaption", title), svg);
  }

  private void draw(Html svg, Bar bar, double left, double y) {
    double x = left;
    for (int part = 0; part < bar.shares().size(); part++) {
      double width = bar.shares().get(part) * (WIDTH - left - EDGE);
      if (width > 0) {
        svg.add(
            Html.of("rect")
                .with("x", x)
                .with("y", y)
                .with("width", width)
                .with("height", ROW - 4)
                .with("class", "segment " + fill(part)));
      }
      if (width >= LEAST_WITH_TEXT) {
        String text = inside(part, bar.shares().get(part), width);
        svg.add(LineChart.label(x + width / 2, y + 14, text, "middle").with("class", "inside"));
      }
      x += width;
    }
  }

  /** Where there are more parts than colours, parts have numbers too. */
  private String legend(int part) {
    return parts.size() > COLOURS ? (part + 1) + " " + parts.get(part) : parts.get(part);
  }

  private String inside(int part, double share, double width) {
    String percent = String.format(Locale.ROOT, "%.0f %%", 100 * share);
    if (parts.size() <= COLOURS) {
      return percent;
    }
    return width >= 2 * LEAST_WITH_TEXT ? (part + 1) + ": " + percent : Integer.toString(part + 1);
  }

  private static String fill(int part) {
    return "fill" + part % COLOURS;
  }
}
