package dev.cocktail.trainer.study;

import dev.cocktail.eval.report.HeatMap;
import dev.cocktail.eval.report.Html;
import dev.cocktail.eval.report.HtmlPage;
import dev.cocktail.eval.report.HtmlTable;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A part of a report, which is written as HTML and as Markdown alike. */
sealed interface ReportBlock {
  /** As an element of a page. */
  Html html();

  /** As Markdown, without an empty line at its end. */
  String markdown();

  /** A part of a report under a heading. */
  record Section(String heading, List<ReportBlock> blocks) {
    public Section {
      blocks = List.copyOf(blocks);
    }

    String markdown() {
      return "## "
          + heading
          + "\n\n"
          + blocks.stream()
              .map(ReportBlock::markdown)
              .filter(text -> !text.isEmpty())
              .collect(Collectors.joining("\n\n"));
    }
  }

  /** What the report comes to, a sentence each. */
  record Answer(List<String> sentences) implements ReportBlock {
    @Override
    public Html html() {
      Html answer = Html.of("div").with("class", "answer");
      sentences.forEach(sentence -> answer.add(Html.of("p", sentence)));
      return answer;
    }

    @Override
    public String markdown() {
      return sentences.stream().map(sentence -> "**" + escape(sentence) + "**").collect(Collectors.joining("\n\n"));
    }
  }

  /** A remark. */
  record Note(String text) implements ReportBlock {
    @Override
    public Html html() {
      return Html.of("p", text).with("class", "note");
    }

    @Override
    public String markdown() {
      return escape(text);
    }
  }

  /** A list of sentences. */
  record Points(List<String> items) implements ReportBlock {
    @Override
    public Html html() {
      Html list = Html.of("ul");
      items.forEach(item -> list.add(Html.of("li", item)));
      return list;
    }

    @Override
    public String markdown() {
      return items.stream().map(item -> "- " + escape(item)).collect(Collectors.joining("\n"));
    }
  }

  /**
   * A table.
   *
   * @param columns headings, that of the rows' own first
   * @param rows a heading and cells each
   */
  record Table(String caption, List<String> columns, List<List<String>> rows) implements ReportBlock {
    @Override
    public Html html() {
      var table = new HtmlTable(caption, columns);
      rows.forEach(row -> table.row(row.getFirst(), row.subList(1, row.size())));
      return table.element();
    }

    @Override
    public String markdown() {
      List<String> lines = new ArrayList<>(List.of("*" + escape(caption) + "*", "", line(columns)));
      lines.add("|" + String.join("|", Collections.nCopies(columns.size(), " --- ")) + "|");
      rows.forEach(row -> lines.add(line(row)));
      return String.join("\n", lines);
    }

    private static String line(List<String> cells) {
      return "| " + cells.stream().map(ReportBlock::escape).collect(Collectors.joining(" | ")) + " |";
    }
  }

  /** Coloured numbers. */
  record Heat(HeatMap map) implements ReportBlock {
    @Override
    public Html html() {
      return map.element();
    }

    @Override
    public String markdown() {
      List<List<String>> rows = new ArrayList<>();
      for (HeatMap.Row row : map.rows()) {
        List<String> cells = new ArrayList<>(List.of(row.heading()));
        row.cells().forEach(cell -> cells.add(cell.map(this::text).orElse("\u2013")));
        rows.add(cells);
      }
      return new Table(map.caption().replace("boxed", "marked *"), map.columns(), rows).markdown();
    }

    private String text(HeatMap.Cell cell) {
      String number = String.format(Locale.ROOT, map.isDifference() ? "%+.1f" : "%.1f", 100 * cell.value());
      return number + (cell.isMarked() ? " *" : "") + (cell.below().isEmpty() ? "" : " (" + cell.below() + ")");
    }
  }

  /** Charts beside each other; Markdown leaves them to the page. */
  record Charts(List<Html> figures) implements ReportBlock {
    @Override
    public Html html() {
      return HtmlPage.beside(figures);
    }

    @Override
    public String markdown() {
      return figures.isEmpty() ? "" : "Charts of this are in report.html.";
    }
  }

  /** A text of which Markdown takes no character for its own. */
  private static String escape(String text) {
    return text.replaceAll("([\\\\`*_{}\\[\\]<>|#])", "\\\\$1").replaceAll("\\R", " ");
  }
}
