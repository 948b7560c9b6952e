package dev.cocktail.eval.report;

import dev.cocktail.eval.statistics.Interval;
import java.util.List;

/**
 * Values with their intervals, one below the other around a line at zero: a forest plot.
 *
 * @param title what is shown
 * @param below what lies left of zero
 * @param above what lies right of zero
 * @param rows the values
 */
public record IntervalChart(String title, String below, String above, List<Row> rows) {
  /**
   * A value.
   *
   * @param text what to write beside the name
   */
  public record Row(String name, double value, Interval interval, String text) {}

  private static final double WIDTH = 420;
  private static final double ROW = 44;
  private static final double LINE = 17;
  private static final double LETTER = 7.4;
  private static final double MARGIN = 16;
  private static final double TOP = 26;

  public IntervalChart {
    rows = List.copyOf(rows);
  }

  /** The chart as a figure. */
  public Html figure() {
    double reach = 1e-3;
    for (Row row : rows) {
      reach = Math.max(reach, Math.max(Math.abs(row.interval().low()), Math.abs(row.interval().high())));
      reach = Math.max(reach, Math.abs(row.value()));
    }
    var x = new LineChart.Scale(-1.08 * reach, 1.08 * reach, MARGIN, WIDTH - MARGIN);
    // A text that has no room beside its name stands below it.
    boolean apart =
        rows.stream().anyMatch(row -> LETTER * (row.name().length() + row.text().length()) > WIDTH - 3 * MARGIN);
    double high = apart ? ROW + LINE : ROW;
    double bottom = TOP + rows.size() * high;
    Html svg =
        Html.of("svg")
            .with("viewBox", "0 0 " + Numbers.plain(WIDTH) + " " + Numbers.plain(bottom + 24))
            .with("role", "img")
            .with("aria-label", title);
    svg.add(LineChart.label(x.of(0) - 8, 14, "\u25c0 " + below, "end"));
    svg.add(LineChart.label(x.of(0) + 8, 14, above + " \u25b6", "start"));
    for (double mark : Numbers.marks(x.low(), x.high(), 6)) {
      svg.add(LineChart.line(x.of(mark), TOP, x.of(mark), bottom).with("class", mark == 0 ? "zero" : "grid"));
      svg.add(LineChart.label(x.of(mark), bottom + 16, Numbers.plain(mark), "middle"));
    }
    for (int number = 0; number < rows.size(); number++) {
      Row row = rows.get(number);
      double y = TOP + number * high + high - 13;
      svg.add(LineChart.label(MARGIN, y - 14 - (apart ? LINE : 0), row.name(), "start").with("class", "name over"));
      svg.add(LineChart.label(WIDTH - MARGIN, y - 14, row.text(), "end").with("class", "over"));
      svg.add(LineChart.line(x.of(row.interval().low()), y, x.of(row.interval().high()), y).with("class", "whisker"));
      for (double end : List.of(row.interval().low(), row.interval().high())) {
        svg.add(LineChart.line(x.of(end), y - 5, x.of(end), y + 5).with("class", "whisker"));
      }
      svg.add(Html.of("circle").with("cx", x.of(row.value())).with("cy", y).with("r", 5).with("class", "mark fill0"));
    }
    return Html.of("figure").with("class", "chart").add(Html.of("figcaption", title), svg);
  }
}
