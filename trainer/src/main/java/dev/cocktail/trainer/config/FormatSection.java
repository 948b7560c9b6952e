package dev.cocktail.trainer.config;

import dev.cocktail.trainer.data.DataFormat;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/** {@code format} of a task: how its files are read, where their names do not say it. */
public record FormatSection(
    @Key(
            value =
                "Kind of the task's files; lines are divided at their last delimiters; finqa, convfinqa and tatqa are"
                    + " those data sets' own JSON.",
            whenAbsent = "by the names' endings: .csv and .tsv, .parquet, .json that begins with [, otherwise JSONL")
        Optional<DataFormat.Type> type,
    @Key(
            value = "Between the values of a CSV line: one character, or tab.",
            whenAbsent = "tab for .tsv, otherwise a comma")
        Optional<Separator> delimiter,
    @Key(
            value = "Around CSV values that hold delimiters or line ends; none where quotes are part of the values.",
            defaultsTo = "\"")
        String quote,
    @Key(value = "Charset of JSONL, JSON and CSV files, such as iso-8859-1.", whenAbsent = "utf-8")
        Optional<String> charset,
    @Key("Names of a CSV file's columns, where its first line is not their header, or of lines.") List<String> columns,
    @Key(value = "Name of the list to read in a JSON file that holds several.", whenAbsent = "there is one list")
        Optional<String> list)
    implements Checked {
  private static final String NO_QUOTE = "none";

  public FormatSection {
    columns = List.copyOf(columns);
  }

  /** What is known of the files' form. */
  public DataFormat toDataFormat() {
    return new DataFormat(
        type,
        delimiter.map(Separator::character),
        quote.equals(NO_QUOTE) ? Optional.empty() : Optional.of(quote.charAt(0)),
        charset.map(Charset::forName),
        columns,
        list);
  }

  @Override
  public void check(Place place) {
    if (!quote.equals(NO_QUOTE) && (quote.length() != 1 || Character.isWhitespace(quote.charAt(0)))) {
      throw place.wrong("quote", "'" + Scalars.shortened(quote) + "' is not one character, or none");
    }
    if (delimiter.isPresent() && quote.equals(delimiter.get().toString())) {
      throw place.wrong("quote", "is the delimiter too; change one of them");
    }
    if (type.filter(DataFormat.Type.LINES::equals).isPresent() && (delimiter.isEmpty() || columns.size() < 2)) {
      throw place.wrong(
          "type", "lines need a delimiter and at least two columns, such as delimiter: '@', columns: [text, label]");
    }
    if (charset.isPresent() && !isCharset(charset.get())) {
      throw place.wrong(
          "charset", "'" + Scalars.shortened(charset.get()) + "' is no charset that Java knows, such as utf-8");
    }
    if (new HashSet<>(columns).size() < columns.size()) {
      throw place.wrong("columns", "two columns have the same name; give them different ones");
    }
  }

  private static boolean isCharset(String name) {
    try {
      return Charset.isSupported(name);
    } catch (IllegalCharsetNameException _) {
      return false;
    }
  }
}
