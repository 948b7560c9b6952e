package dev.cocktail.eval.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Lines over a number, such as losses over steps, as an SVG that grows with the page. Lines differ in colour, dashes
 * and marks, and the legend shows all three.
 *
 * @param title what is shown
 * @param across what the horizontal axis counts
 * @param series the lines
 * @param fromZero whether the vertical axis begins at zero; else it begins below the lowest value
 */
public record LineChart(String title, String across, List<Series> series, boolean fromZero) {
  /**
   * A line.
   *
   * @param points in order; those that are no number are left out
   * @param band what is uncertain about it, in order; may be empty
   */
  public record Series(String name, List<Point> points, List<Range> band) {
    public Series {
      points = points.stream().filter(point -> Double.isFinite(point.x()) && Double.isFinite(point.y())).toList();
      band = List.copyOf(band);
    }

    /** A line without a band. */
    public Series(String name, List<Point> points) {
      this(name, points, List.of());
    }
  }

  /** A point of a line. */
  public record Point(double x, double y) {}

  /** Where a line may be instead, at a place. */
  public record Range(double x, double low, double high) {}

  private static final double WIDTH = 420;
  private static final double PLOT_HEIGHT = 190;
  private static final double LEFT = 44;
  private static final double RIGHT = 14;
  private static final double BELOW = 40;
  private static final double SIGN = 29;
  private static final List<String> DASHES = List.of("none", "7 4", "2 3", "10 3 2 3", "4 2");

  public LineChart {
    series = List.copyOf(series);
  }

  /** A chart whose vertical axis begins at zero. */
  public LineChart(String title, String across, List<Series> series) {
    this(title, across, series, true);
  }

  /** The chart as a figure. */
  public Html figure() {
    List<Point> points = series.stream().flatMap(line -> line.points().stream()).toList();
    Html figure = Html.of("figure").with("class", "chart").add(Html.of("figcaption", title));
    if (points.isEmpty()) {
      return figure.add(Html.of("p", "There are no numbers to show."));
    }
    var names = new Legend(series.stream().map(Series::name).toList(), LEFT, WIDTH, SIGN);
    double top = names.rows() * Legend.ROW + 8;
    double height = top + PLOT_HEIGHT + BELOW;
    double xLow = points.stream().mapToDouble(Point::x).min().orElseThrow();
    double xHigh = points.stream().mapToDouble(Point::x).max().orElseThrow();
    var x = new Scale(xLow, xHigh > xLow ? xHigh : xLow + 1, LEFT, WIDTH - RIGHT);
    Scale y = vertical(points, top);
    Html svg =
        Html.of("svg")
            .with("viewBox", "0 0 " + Numbers.plain(WIDTH) + " " + Numbers.plain(height))
            .with("role", "img")
            .with("aria-label", title + ": " + String.join(", ", series.stream().map(Series::name).toList()));
    for (double mark : Numbers.marks(y.low(), y.high(), 4)) {
      svg.add(line(LEFT, y.of(mark), WIDTH - RIGHT, y.of(mark)).with("class", "grid"));
      svg.add(label(LEFT - 6, y.of(mark) + 4, Numbers.plain(mark), "end"));
    }
    boolean counts = points.stream().allMatch(point -> point.x() == Math.rint(point.x()));
    for (double mark : Numbers.marks(x.low(), x.high(), 5)) {
      if (counts && mark != Math.rint(mark)) {
        continue; // There is no half of what is counted.
      }
      svg.add(line(x.of(mark), top + PLOT_HEIGHT, x.of(mark), top + PLOT_HEIGHT + 4).with("class", "axis"));
      svg.add(label(x.of(mark), top + PLOT_HEIGHT + 18, Numbers.plain(mark), "middle"));
    }
    svg.add(line(LEFT, top + PLOT_HEIGHT, WIDTH - RIGHT, top + PLOT_HEIGHT).with("class", "axis"));
    svg.add(label((LEFT + WIDTH - RIGHT) / 2, height - 6, across, "middle"));
    draw(svg, names);
    for (int number = 0; number < series.size(); number++) {
      drawBand(svg, series.get(number).band(), number, x, y);
    }
    for (int number = 0; number < series.size(); number++) {
      draw(svg, series.get(number).points(), number, x, y);
    }
    return figure.add(svg);
  }

  private Scale vertical(List<Point> points, double top) {
    List<Double> values = new ArrayList<>(points.stream().map(Point::y).toList());
    for (Series line : series) {
      line.band().forEach(range -> values.addAll(List.of(range.low(), range.high())));
    }
    double low = values.stream().mapToDouble(Double::doubleValue).min().orElseThrow();
    double high = values.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
    if (!fromZero) {
      double room = high > low ? 0.08 * (high - low) : 0.5;
      return new Scale(low - room, high + room, top + PLOT_HEIGHT, top);
    }
    low = Math.min(0, low);
    return new Scale(low, high > low ? high * 1.05 : low + 1, top + PLOT_HEIGHT, top);
  }

  private static void drawBand(Html svg, List<Range> band, int number, Scale x, Scale y) {
    var path = new StringBuilder();
    for (Range range : band) {
      path.append(path.isEmpty() ? "M" : " L").append(at(x.of(range.x()), y.of(range.high())));
    }
    for (Range range : band.reversed()) {
      path.append(" L").append(at(x.of(range.x()), y.of(range.low())));
    }
    if (!path.isEmpty()) {
      svg.add(Html.of("path").with("d", path + " Z").with("class", "band fill" + number % 5));
    }
  }

  private static String at(double x, double y) {
    return Numbers.plain(x) + " " + Numbers.plain(y);
  }

  private static void draw(Html svg, Legend names) {
    for (int i = 0; i < names.names().size(); i++) {
      double[] place = names.place(i);
      double y = 12 + place[1] * Legend.ROW;
      svg.add(stroke(i).with("d", "M%s h24".formatted(at(place[0], y))));
      svg.add(mark(i, place[0] + 12, y));
      svg.add(label(place[0] + SIGN, y + 4, names.names().get(i), "start"));
    }
  }

  private static void draw(Html svg, List<Point> points, int number, Scale x, Scale y) {
    var path = new StringBuilder();
    for (Point point : points) {
      path.append(path.isEmpty() ? "M" : " L").append(at(x.of(point.x()), y.of(point.y())));
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
          default -> Html.of("path").with("d", "M%s l5 8 h-10 z".formatted(at(x, y - 5)));
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
}
