package dev.cocktail.eval.report;

import java.util.List;

/**
 * Lines over a number, such as losses over steps, as an SVG that grows with the page. Lines differ in colour, dashes
 * and marks, and the legend shows all three.
 *
 * @param title what is shown
 * @param across what the horizontal axis counts
 * @param series the lines
 */
public record LineChart(String title, String across, List<Series> series) {
  /**
   * A line.
   *
   * @param points in order; those that are no number are left out
   */
  public record Series(String name, List<Point> points) {
    public Series {
      points = points.stream().filter(point -> Double.isFinite(point.x()) && Double.isFinite(point.y())).toList();
    }
  }

  /** A point of a line. */
  public record Point(double x, double y) {}

  private static final double WIDTH = 420;
  private static final double PLOT_HEIGHT = 190;
  private static final double LEFT = 44;
  private static final double RIGHT = 14;
  private static final double LEGEND_LINE = 20;
  private static final double BELOW = 40;
  private static final double LETTER = 7;
  private static final List<String> DASHES = List.of("none", "7 4", "2 3", "10 3 2 3", "4 2");

  public LineChart {
    series = List.copyOf(series);
  }

  /** The chart as a figure. */
  public Html figure() {
    List<Point> points = series.stream().flatMap(line -> line.points().stream()).toList();
    Html figure = Html.of("figure").with("class", "chart").add(Html.of("figcaption", title));
    if (points.isEmpty()) {
      return figure.add(Html.of("p", "There are no numbers to show."));
    }
    var names = new Legend(series.stream().map(Series::name).toList());
    double top = names.lines() * LEGEND_LINE + 8;
    double height = top + PLOT_HEIGHT + BELOW;
    double xLow = points.stream().mapToDouble(Point::x).min().orElseThrow();
    double xHigh = points.stream().mapToDouble(Point::x).max().orElseThrow();
    double yHigh = points.stream().mapToDouble(Point::y).max().orElseThrow();
    double yLow = Math.min(0, points.stream().mapToDouble(Point::y).min().orElseThrow());
    var x = new Scale(xLow, xHigh > xLow ? xHigh : xLow + 1, LEFT, WIDTH - RIGHT);
    var y = new Scale(yLow, yHigh > yLow ? yHigh * 1.05 : yLow + 1, top + PLOT_HEIGHT, top);
    Html svg =
        Html.of("svg")
            .with("viewBox", "0 0 " + Numbers.plain(WIDTH) + " " + Numbers.plain(height))
            .with("role", "img")
            .with("aria-label", title + ": " + String.join(", ", series.stream().map(Series::name).toList()));
    for (double mark : Numbers.marks(y.low(), y.high(), 4)) {
      svg.add(line(LEFT, y.of(mark), WIDTH - RIGHT, y.of(mark)).with("class", "grid"));
      svg.add(label(LEFT - 6, y.of(mark) + 4, Numbers.plain(mark), "end"));
    }
    for (double mark : Numbers.marks(x.low(), x.high(), 5)) {
      svg.add(line(x.of(mark), top + PLOT_HEIGHT, x.of(mark), top + PLOT_HEIGHT + 4).with("class", "axis"));
      svg.add(label(x.of(mark), top + PLOT_HEIGHT + 18, Numbers.plain(mark), "middle"));
    }
    svg.add(line(LEFT, top + PLOT_HEIGHT, WIDTH - RIGHT, top + PLOT_HEIGHT).with("class", "axis"));
    svg.add(label((LEFT + WIDTH - RIGHT) / 2, height - 6, across, "middle"));
    names.draw(svg);
    for (int number = 0; number < series.size(); number++) {
      draw(svg, series.get(number).points(), number, x, y);
    }
    return figure.add(svg);
  }

  private static void draw(Html svg, List<Point> points, int number, Scale x, Scale y) {
    var path = new StringBuilder();
    for (Point point : points) {
      path.append(path.isEmpty() ? "M" : " L");
      path.append(Numbers.plain(x.of(point.x()))).append(' ').append(Numbers.plain(y.of(point.y())));
    }
    if (!path.isEmpty()) {
      svg.add(stroke(number).with("d", path.toString()));
    }
    // A mark at each point where there are few, else only where the line ends.
    int every = points.size() <= 12 ? 1 : points.size();
    for (int i = points.size() - 1; i >= 0; i -= every) {
      svg.add(mark(number, x.of(points.get(i).x()), y.of(points.get(i).y())));
    }
  }

  private static Html stroke(int number) {
    return Html.of("path")
        .with("class", "line series" + number % 5)
        .with("stroke-dasharray", DASHES.get(number % DASHES.size()));
  }

  private static Html mark(int number, double x, double y) {
    Html mark =
        switch (number % 3) {
          case 0 -> Html.of("circle").with("cx", x).with("cy", y).with("r", 3.5);
          case 1 -> Html.of("rect").with("x", x - 3.5).with("y", y - 3.5).with("width", 7).with("height", 7);
          default -> Html.of("path").with("d", "M%s %s l5 8 h-10 z".formatted(Numbers.plain(x), Numbers.plain(y - 5)));
        };
    return mark.with("class", "mark fill" + number % 5);
  }

  static Html line(double x1, double y1, double x2, double y2) {
    return Html.of("line").with("x1", x1).with("y1", y1).with("x2", x2).with("y2", y2);
  }

  static Html label(double x, double y, String text, String anchor) {
    return Html.of("text", text).with("x", x).with("y", y).with("text-anchor", anchor);
  }

  /**
   * From values to places.
   *
   * @param from the place of the lowest value
   * @param to the place of the highest
   */
  record Scale(double low, double high, double from, double to) {
    double of(double value) {
      return from + (value - low) / (high - low) * (to - from);
    }
  }

  /** The names of lines, as many in a row as there is room for. */
  private record Legend(List<String> names) {
    int lines() {
      return 1 + (int) place(names.size() - 1)[1];
    }

    /** Where a name begins, and in which row. */
    private double[] place(int number) {
      double at = LEFT;
      int row = 0;
      for (int i = 0; i <= number; i++) {
        double room = 40 + LETTER * names.get(i).length();
        if (at + room > WIDTH && at > LEFT) {
          at = LEFT;
          row++;
        }
        if (i < number) {
          at += room;
        }
      }
      return new double[] {at, row};
    }

    void draw(Html svg) {
      for (int i = 0; i < names.size(); i++) {
        double[] place = place(i);
        double y = 12 + place[1] * LEGEND_LINE;
        svg.add(stroke(i).with("d", "M%s %s h24".formatted(Numbers.plain(place[0]), Numbers.plain(y))));
        svg.add(mark(i, place[0] + 12, y));
        svg.add(label(place[0] + 29, y + 4, names.get(i), "start"));
      }
    }
  }
}
