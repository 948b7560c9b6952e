package dev.cocktail.trainer.data;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Reads JSON files whose records hold several questions each, and makes a record of each question. */
final class NestedRows implements DataRows.Rows {
  /** Makes the questions of a record. */
  interface Expansion {
    /** Hands the questions of a record on. */
    void expand(DataRow row, Consumer<? super DataRow> consumer);

    /** What is to be said of all records, after the last. */
    List<String> remarks(Path file);
  }

  private final Path file;
  private final DataFormat format;
  private final Expansion expansion;

  NestedRows(Path file, DataFormat format, Expansion expansion) {
    this.file = file;
    this.format = format;
    this.expansion = expansion;
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    DataRows.Rows records =
        file.toString().endsWith(".jsonl") ? new JsonRows(file, format) : new JsonListRows(file, format);
    List<String> remarks = new ArrayList<>(records.read(row -> expansion.expand(row, consumer)));
    remarks.addAll(expansion.remarks(file));
    return remarks;
  }
}
