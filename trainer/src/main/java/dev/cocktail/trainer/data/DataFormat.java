package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How data files are to be read, where their names' endings do not say it.
 *
 * @param type by default told by the ending: {@code .csv} and {@code .tsv} are CSV, {@code .parquet} is Parquet, {@code
 *     .json} is one list where it begins with a bracket, and all others are JSONL
 * @param delimiter between the values of a CSV line; by default a tab in files that end with {@code .tsv}, otherwise a
 *     comma
 * @param quote around values of CSV files that hold delimiters or line ends; empty where quotes are part of the values
 * @param charset of all files but Parquet; by default UTF-8
 * @param columns names of the columns of CSV files whose first line is not their header; empty where it is
 * @param list the name of the list to read in JSON files that hold several; empty where there is one
 */
public record DataFormat(
    Optional<Type> type,
    Optional<Character> delimiter,
    Optional<Character> quote,
    Optional<Charset> charset,
    List<String> columns,
    Optional<String> list) {
  /** A kind of file. */
  public enum Type {
    /** One JSON object a line. */
    JSONL,
    /** One list of JSON objects. */
    JSON,
    CSV,
    /** Lines that are divided at the last delimiters, so that the first column may hold delimiters. */
    LINES,
    PARQUET,
    /** FinQA's JSON, as its authors released it. */
    FINQA,
    /** ConvFinQA's JSON, by conversations or by turns. */
    CONVFINQA,
    /** TAT-QA's JSON. */
    TATQA
  }

  /** What the files' names tell. */
  public static final DataFormat BY_NAME =
      new DataFormat(Optional.empty(), Optional.empty(), Optional.of('"'), Optional.empty(), List.of());

  public DataFormat(
      Optional<Type> type,
      Optional<Character> delimiter,
      Optional<Character> quote,
      Optional<Charset> charset,
      List<String> columns) {
    this(type, delimiter, quote, charset, columns, Optional.empty());
  }

  public DataFormat {
    requireNonNull(type, "type");
    requireNonNull(delimiter, "delimiter");
    requireNonNull(quote, "quote");
    requireNonNull(charset, "charset");
    requireNonNull(list, "list");
    columns = List.copyOf(columns);
    if (new HashSet<>(columns).size() < columns.size()) {
      throw new IllegalArgumentException("columns of the same name: " + columns);
    }
  }

  Type typeOf(Path file) {
    return type.orElseGet(() -> {
      if (endsWith(file, ".csv") || endsWith(file, ".tsv")) {
        return Type.CSV;
      }
      return endsWith(file, ".parquet") ? Type.PARQUET : Type.JSONL;
    });
  }

  char delimiterOf(Path file) {
    return delimiter.orElse(endsWith(file, ".tsv") ? '\t' : ',');
  }

  /** Whether the file's first character decides between one list and a line for each record. */
  boolean isUndecided(Path file) {
    return type.isEmpty() && endsWith(file, ".json");
  }

  /** Of text files, an ending that says that they are packed does not count. */
  private static boolean endsWith(Path file, String ending) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    return (name.endsWith(".gz") ? name.substring(0, name.length() - 3) : name).endsWith(ending);
  }
}
