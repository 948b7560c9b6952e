package dev.cocktail.trainer.data;

import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Reads data files of any kind, one record after another. */
final class DataRows {
  private DataRows() {}

  /** Reads one kind of file. */
  @FunctionalInterface
  interface Rows {
    /** Hands every record on, and returns remarks on the file as a whole. */
    List<String> read(Consumer<? super DataRow> consumer) throws IOException;
  }

  /**
   * Hands every record of a file on, in order, without keeping them.
   *
   * @return remarks on the file as a whole, for people
   * @throws InvalidInputException naming file, line or row, what is wrong and what was expected
   */
  static List<String> read(Path file, DataFormat format, Consumer<? super DataRow> consumer) {
    if (Files.isDirectory(file)) {
      throw new InvalidInputException(file + " is a folder; expected a data file");
    }
    if (!Files.exists(file)) {
      throw new InvalidInputException(file + " does not exist. Expected a data file: JSONL, JSON, CSV or Parquet");
    }
    Rows rows =
        switch (format.typeOf(file)) {
          case JSONL -> format.isUndecided(file) ? undecided(file, format) : new JsonRows(file, format);
          case JSON -> new JsonListRows(file, format);
          case LINES -> new LineRows(file, format);
          case FINQA, CONVFINQA -> new NestedRows(file, format, new ReportQuestions());
          case TATQA -> new NestedRows(file, format, new TatQuestions());
          case CSV -> new CsvRows(file, format);
          case PARQUET -> new ParquetRows(file);
        };
    try {
      return rows.read(consumer);
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static Rows undecided(Path file, DataFormat format) {
    return consumer ->
        (JsonListRows.isList(file, format) ? new JsonListRows(file, format) : new JsonRows(file, format))
            .read(consumer);
  }
}
