package dev.cocktail.eval.report;

import java.util.ArrayList;
import java.util.List;

/** A table with a caption, a heading for every column and one for every row. On a narrow page it scrolls by itself. */
public final class HtmlTable {
  private final String caption;
  private final List<String> columns;
  private final List<Html> rows = new ArrayList<>();
  private String kind = "scroll";

  /**
   * An empty table.
   *
   * @param columns headings, that of the rows' own first
   */
  public HtmlTable(String caption, List<String> columns) {
    this.caption = caption;
    this.columns = List.copyOf(columns);
  }

  /** Headings of rows are long texts, such as questions, of several lines. */
  public HtmlTable withLongHeadings() {
    kind = "scroll questions";
    return this;
  }

  /** Adds a row of texts. */
  public HtmlTable row(String heading, List<String> cells) {
    return rowOfCells(heading, cells.stream().map(cell -> Html.of("td", cell)).toList());
  }

  /** Adds a row of cells, {@code td} each. */
  public HtmlTable rowOfCells(String heading, List<Html> cells) {
    if (cells.size() + 1 != columns.size()) {
      throw new IllegalArgumentException(cells.size() + " cells for " + columns.size() + " columns");
    }
    rows.add(Html.of("tr").add(Html.of("th", heading).with("scope", "row")).add(cells));
    return this;
  }

  /** The table. */
  public Html element() {
    Html head = Html.of("tr");
    columns.forEach(column -> head.add(Html.of("th", column).with("scope", "col")));
    Html table =
        Html.of("table").add(Html.of("caption", caption), Html.of("thead").add(head), Html.of("tbody").add(rows));
    return Html.of("div")
        .with("class", kind)
        .with("tabindex", "0")
        .with("role", "region")
        .with("aria-label", caption)
        .add(table);
  }
}
