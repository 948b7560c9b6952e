package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A page of a report: text, a table, text.
 *
 * @param name of the page, the same in all data sets that ask about it
 * @param before the text before the table
 * @param table rows of cells
 * @param after the text after the table
 */
record ReportPage(String name, String before, List<List<String>> table, String after) {
  /** Such as {@code Single_MRO/2007/page_134.pdf-1}: a kind of conversation, a page, a number. */
  private static final Pattern IDENTIFIER = Pattern.compile("(?:Single_|Double_)?(.*\\.pdf)(?:-\\d+)?(?:_\\d+)?");

  ReportPage {
    table = List.copyOf(table);
  }

  /**
   * The page of a record of FinQA or ConvFinQA.
   *
   * @param texts has {@code pre_text}, {@code table} and {@code post_text}
   */
  static ReportPage of(DataRow row, JsonNode texts) {
    JsonNode id = row.fields().path("id");
    JsonNode file = row.fields().path("filename");
    String name = file.isTextual() ? file.textValue() : id.asText();
    Matcher matcher = IDENTIFIER.matcher(name);
    return new ReportPage(
        matcher.matches() ? matcher.group(1) : name,
        text(texts.path("pre_text")),
        table(texts.path("table")),
        text(texts.path("post_text")));
  }

  /** One text, or a list of sentences. */
  private static String text(JsonNode node) {
    List<String> sentences = new ArrayList<>();
    if (node.isArray()) {
      node.forEach(sentence -> sentences.add(sentence.asText().strip()));
    } else {
      sentences.add(node.asText("").strip());
    }
    String text = sentences.stream().filter(sentence -> !sentence.isEmpty()).collect(Collectors.joining(" "));
    return text.equals(".") ? "" : text; // What an empty text is in these data sets.
  }

  /** A list of rows, or columns by name, each of values by the row's name. */
  static List<List<String>> table(JsonNode node) {
    List<List<String>> rows = new ArrayList<>();
    if (node.isArray()) {
      node.forEach(row -> {
        List<String> cells = new ArrayList<>();
        row.forEach(cell -> cells.add(cell.asText().strip()));
        rows.add(cells);
      });
    } else if (node.isObject()) {
      Set<String> names = new LinkedHashSet<>();
      node.forEach(column -> column.fieldNames().forEachRemaining(names::add));
      List<String> header = new ArrayList<>(List.of(""));
      node.fieldNames().forEachRemaining(header::add);
      rows.add(header);
      for (String name : names) {
        List<String> cells = new ArrayList<>(List.of(name));
        node.forEach(column -> cells.add(column.path(name).asText("")));
        rows.add(cells);
      }
    }
    return rows;
  }

  /** The table, a line each row, a bar between cells. */
  static String rendered(List<List<String>> table) {
    return table.stream().map(row -> String.join(" | ", row).strip()).collect(Collectors.joining("\n"));
  }

  /** All of the page as one text. */
  String document() {
    return joined(List.of(before, rendered(table), after));
  }

  /** Parts that are not empty, a blank line between them. */
  static String joined(List<String> parts) {
    return parts.stream().filter(part -> !part.isEmpty()).collect(Collectors.joining("\n\n"));
  }

  /** The page as fields. */
  ObjectNode fields() {
    ObjectNode fields = JsonNodeFactory.instance.objectNode();
    fields.put("page", name);
    fields.put("pre_text", before);
    fields.put("table", rendered(table));
    fields.put("post_text", after);
    fields.put("document", document());
    return fields;
  }
}
