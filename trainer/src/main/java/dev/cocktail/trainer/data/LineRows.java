package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/**
 * Reads lines of text whose last delimiters separate the columns, so that the first column may hold the delimiter too,
 * as in {@code sentence@label}. Blank lines are skipped.
 */
final class LineRows implements DataRows.Rows {
  private final Path file;
  private final DataFormat format;

  LineRows(Path file, DataFormat format) {
    this.file = file;
    this.format = format;
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    if (format.delimiter().isEmpty() || format.columns().size() < 2) {
      throw new InvalidInputException(
          file
              + ": lines are divided by what format says, such as {type: lines, delimiter: '@', columns: [text,"
              + " label]}");
    }
    try (var in = new BufferedReader(StrictReader.open(file, format.charset().orElse(StandardCharsets.UTF_8)))) {
      long number = 0;
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        if (!line.isBlank()) {
          consumer.accept(row(line, file + ":" + number));
        }
      }
    }
    return List.of();
  }

  private DataRow row(String line, String origin) {
    List<String> columns = format.columns();
    char delimiter = format.delimiter().orElseThrow();
    String[] values = new String[columns.size()];
    int end = line.length();
    for (int column = columns.size() - 1; column > 0; column--) {
      int at = line.lastIndexOf(delimiter, end - 1);
      if (at < 0) {
        throw new InvalidInputException(
            "%s: %d values, expected %d (%s), with '%s' between them"
                .formatted(origin, columns.size() - column, columns.size(), String.join(", ", columns), delimiter));
      }
      values[column] = line.substring(at + 1, end).strip();
      end = at;
    }
    values[0] = line.substring(0, end).strip();
    ObjectNode fields = JsonNodeFactory.instance.objectNode();
    for (int column = 0; column < values.length; column++) {
      fields.put(columns.get(column), values[column]);
    }
    return new DataRow(origin, fields);
  }
}
