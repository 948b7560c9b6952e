package dev.cocktail.eval.report;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Numbers of rows and columns as a table whose cells are coloured by them. Every cell says its number, so that nothing
 * is told by colour alone.
 *
 * @param caption what is shown
 * @param columns headings, that of the rows' own first
 * @param rows the rows
 * @param isDifference whether numbers lie around 0, which is then without colour; else they are shares from 0 to 1
 */
public record HeatMap(String caption, List<String> columns, List<Row> rows, boolean isDifference) {
  /**
   * A row.
   *
   * @param cells in the columns' order; empty where there is no number
   */
  public record Row(String heading, List<Optional<Cell>> cells) {
    public Row {
      cells = List.copyOf(cells);
    }
  }

  /**
   * A number.
   *
   * @param value as a share; it is written times 100
   * @param below a remark in small letters; may be empty
   * @param isMarked whether it gets a box, whose meaning the caption says
   */
  public record Cell(double value, String below, boolean isMarked) {}

  private static final int SHADES = 5;

  public HeatMap {
    columns = List.copyOf(columns);
    rows = List.copyOf(rows);
  }

  /** The table. */
  public Html element() {
    double reach =
        rows.stream()
            .flatMap(row -> row.cells().stream())
            .flatMap(Optional::stream)
            .mapToDouble(cell -> Math.abs(cell.value()))
            .max()
            .orElse(1);
    var table = new HtmlTable(caption, columns);
    for (Row row : rows) {
      table.rowOfCells(row.heading(), row.cells().stream().map(cell -> cell(cell, reach)).toList());
    }
    return table.element();
  }

  private Html cell(Optional<Cell> cell, double reach) {
    if (cell.isEmpty()) {
      return Html.of("td", "\u2013").with("class", "value");
    }
    double value = cell.get().value();
    String text = String.format(Locale.ROOT, isDifference ? "%+.1f" : "%.1f", 100 * value);
    Html element =
        Html.of("td", text).with("class", "value " + shade(value, reach) + (cell.get().isMarked() ? " own" : ""));
    return cell.get().below().isEmpty() ? element : element.add(Html.of("small", cell.get().below()));
  }

  private String shade(double value, double reach) {
    if (!isDifference) {
      return "heat" + (int) Math.clamp(Math.floor(SHADES * value), 0, SHADES - 1);
    }
    int shade = reach == 0 ? 0 : (int) Math.min(SHADES - 1, Math.round((SHADES - 1) * Math.abs(value) / reach));
    return (value < 0 ? "cool" : "heat") + shade;
  }
}
