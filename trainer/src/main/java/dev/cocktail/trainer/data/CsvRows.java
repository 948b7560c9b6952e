package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Reads CSV: values may stand in quotes, doubled where they are part of a quoted value, and then hold delimiters and
 * line ends. The first record names the columns, unless the format does. Blank lines are skipped.
 */
final class CsvRows implements DataRows.Rows {
  private static final int NAMES_SHOWN = 12;

  /** How the parser says in which line what failed began. */
  private static final Pattern STARTED = Pattern.compile("\\(startline (\\d+)\\) (.*)", Pattern.DOTALL);

  private final Path file;
  private final DataFormat format;

  CsvRows(Path file, DataFormat format) {
    this.file = file;
    this.format = format;
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    CSVFormat csv =
        CSVFormat.DEFAULT
            .builder()
            .setDelimiter(format.delimiterOf(file))
            .setQuote(format.quote().orElse(null))
            .setIgnoreEmptyLines(true)
            .get();
    var charset = format.charset().orElse(StandardCharsets.UTF_8);
    try (CSVParser parser = CSVParser.parse(StrictReader.open(file, charset), csv)) {
      Iterator<CSVRecord> records = parser.iterator();
      List<String> columns = format.columns();
      while (hasNext(parser, records)) {
        CSVRecord record = records.next();
        String origin = file + ":" + firstLine(parser, record);
        requireNoNul(record, origin);
        if (columns.isEmpty()) {
          columns = header(record, origin);
        } else if (columns.size() == 1 || record.size() > 1 || !record.get(0).isBlank()) {
          consumer.accept(new DataRow(origin, fields(record, columns, origin)));
        }
      }
    }
    return List.of();
  }

  private boolean hasNext(CSVParser parser, Iterator<CSVRecord> records) {
    try {
      return records.hasNext();
    } catch (UncheckedIOException e) {
      Matcher reason = STARTED.matcher(String.valueOf(e.getCause().getMessage()));
      boolean isStarted = reason.matches();
      throw new InvalidInputException(
          "%s:%s: not valid CSV: %s. Check format.delimiter, which is %s, or, if quotes are part of the values, set format: {quote: none}"
              .formatted(
                  file,
                  isStarted ? reason.group(1) : String.valueOf(parser.getCurrentLineNumber()),
                  isStarted ? reason.group(2) : e.getCause().getMessage(),
                  named(format.delimiterOf(file))),
          e);
    }
  }

  /** The parser knows in which line a record ends. */
  private static long firstLine(CSVParser parser, CSVRecord record) {
    long line = parser.getCurrentLineNumber();
    for (String value : record) {
      for (int i = 0; i < value.length(); i++) {
        char c = value.charAt(i);
        boolean endsLine = c == '\n' || c == '\r' && (i + 1 == value.length() || value.charAt(i + 1) != '\n');
        line -= endsLine ? 1 : 0;
      }
    }
    return line;
  }

  private static void requireNoNul(CSVRecord record, String origin) {
    for (String value : record) {
      if (value.indexOf('\0') >= 0) {
        throw new InvalidInputException(
            origin
                + ": a character NUL, which is no part of text. A file in UTF-16 needs format: {charset: utf-16};"
                + " otherwise the file is damaged");
      }
    }
  }

  private static List<String> header(CSVRecord record, String origin) {
    List<String> columns = new ArrayList<>();
    for (String value : record) {
      String name = value.strip();
      if (name.isEmpty()) {
        throw new InvalidInputException(
            "%s: column %d of the header has no name; name all columns, there or with format: {columns: [...]}"
                .formatted(origin, columns.size() + 1));
      }
      if (columns.contains(name)) {
        throw new InvalidInputException(
            "%s: the header names column '%s' twice; give the columns different names, there or with format:"
                    .formatted(origin, shown(name))
                + " {columns: [...]}");
      }
      columns.add(name);
    }
    return columns;
  }

  private ObjectNode fields(CSVRecord record, List<String> columns, String origin) {
    if (record.size() != columns.size()) {
      String hint = record.size() > 1 ? "" : "; check format.delimiter, which is " + named(format.delimiterOf(file));
      throw new InvalidInputException(
          "%s: %d %s, expected %d (%s)%s"
              .formatted(
                  origin, record.size(), record.size() == 1 ? "value" : "values", columns.size(), list(columns), hint));
    }
    ObjectNode fields = JsonNodeFactory.instance.objectNode();
    for (int i = 0; i < columns.size(); i++) {
      fields.put(columns.get(i), record.get(i));
    }
    return fields;
  }

  private static String named(char delimiter) {
    return delimiter == '\t' ? "a tab" : "'" + delimiter + "'";
  }

  private static String list(List<String> columns) {
    List<String> some = columns.stream().limit(NAMES_SHOWN).map(CsvRows::shown).toList();
    return String.join(", ", some) + (columns.size() > NAMES_SHOWN ? ", ..." : "");
  }

  private static String shown(String name) {
    return name.length() <= 40 ? name : name.substring(0, 40) + "...";
  }
}
