package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.hardwood.metadata.RowGroup;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.StructAccessor;
import dev.hardwood.schema.ColumnSchema;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Reads Parquet files, columns of structures, lists and maps included. Rows are counted from 1. Numbers stay numbers,
 * dates and times become text as ISO 8601 writes them, and bytes must be text in UTF-8.
 */
final class ParquetRows implements DataRows.Rows {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** Kept, so that the library's remarks on its own speed stay silent. */
  private static final Logger LIBRARY = Logger.getLogger("dev.hardwood");

  static {
    LIBRARY.setLevel(Level.WARNING);
  }

  /** No record is so small, however well it is packed. */
  private static final long MOST_ROWS_A_BYTE = 100;

  private static final byte[] MAGIC = "PAR1".getBytes(StandardCharsets.US_ASCII);

  private final Path file;
  private long row;
  private long rowCount;

  ParquetRows(Path file) {
    this.file = file;
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    requireMagic();
    try (ParquetFileReader reader = opened();
        RowReader rows = started(reader)) {
      while (true) {
        DataRow next = next(rows);
        if (next == null) {
          return List.of();
        }
        consumer.accept(next);
      }
    }
  }

  /** What begins and ends every Parquet file; without it, the library's messages speak of other things. */
  private void requireMagic() throws IOException {
    try (var channel = Files.newByteChannel(file)) {
      long size = channel.size();
      var begin = ByteBuffer.allocate(MAGIC.length);
      var end = ByteBuffer.allocate(MAGIC.length);
      if (size >= 3L * MAGIC.length) {
        fill(channel, begin, 0);
        fill(channel, end, size - MAGIC.length);
      }
      if (!Arrays.equals(begin.array(), MAGIC)) {
        throw new InvalidInputException(file + ": not a Parquet file, which would begin with the letters PAR1");
      }
      if (!Arrays.equals(end.array(), MAGIC)) {
        throw new InvalidInputException(
            file + ": the end of this Parquet file is missing; the copy is incomplete, fetch it again");
      }
    }
  }

  private static void fill(java.nio.channels.SeekableByteChannel channel, ByteBuffer target, long position)
      throws IOException {
    channel.position(position);
    while (target.hasRemaining() && channel.read(target) >= 0) {
      // Reads on until the target is full.
    }
  }

  private ParquetFileReader opened() {
    try {
      ParquetFileReader reader = ParquetFileReader.open(new BoundedInputFile(file));
      requireSameCounts(reader);
      return reader;
    } catch (InvalidInputException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw damaged(e);
    }
  }

  /** A file says several times how many rows it has; where these differ, it could go on forever. */
  private void requireSameCounts(ParquetFileReader reader) {
    List<ColumnSchema> columns = reader.getFileSchema().getColumns();
    long rows = 0;
    for (RowGroup group : reader.getFileMetaData().rowGroups()) {
      rows += group.numRows();
      for (int c = 0; c < Math.min(columns.size(), group.columns().size()); c++) {
        long values = group.columns().get(c).metaData().numValues();
        if (columns.get(c).maxRepetitionLevel() == 0 ? values != group.numRows() : values < group.numRows()) {
          throw damaged(new IOException("a group of %,d rows has %,d values".formatted(group.numRows(), values)));
        }
      }
    }
    rowCount = rows;
    if (rows != reader.getFileMetaData().numRows() || rows > file.toFile().length() * MOST_ROWS_A_BYTE) {
      throw damaged(
          new IOException(
              "%,d rows of %,d in a file of %,d bytes"
                  .formatted(rows, reader.getFileMetaData().numRows(), file.toFile().length())));
    }
  }

  private RowReader started(ParquetFileReader reader) {
    try {
      return reader.rowReader();
    } catch (RuntimeException e) {
      throw damaged(e);
    }
  }

  private DataRow next(RowReader rows) {
    row++;
    try {
      boolean more = rows.hasNext();
      if (more == row > rowCount) {
        throw new IllegalStateException("it holds %s than its %,d rows".formatted(more ? "more" : "less", rowCount));
      }
      if (!more) {
        return null;
      }
      rows.next();
      return new DataRow(origin(), struct(rows));
    } catch (InvalidInputException e) {
      throw e;
    } catch (RuntimeException e) {
      throw damaged(e);
    }
  }

  private ObjectNode struct(StructAccessor struct) {
    ObjectNode fields = NODES.objectNode();
    for (int i = 0; i < struct.getFieldCount(); i++) {
      String name = struct.getFieldName(i);
      fields.set(name, struct.isNull(i) ? NODES.nullNode() : node(struct.getValue(i), name));
    }
    return fields;
  }

  private JsonNode node(Object value, String column) {
    return switch (value) {
      case null -> NODES.nullNode();
      case Boolean bool -> NODES.booleanNode(bool);
      case Byte number -> NODES.numberNode(number.intValue());
      case Short number -> NODES.numberNode(number.intValue());
      case Integer number -> NODES.numberNode(number);
      case Long number -> NODES.numberNode(number);
      case Float number -> NODES.numberNode(number);
      case Double number -> NODES.numberNode(number);
      case BigDecimal number -> NODES.numberNode(number);
      case byte[] bytes -> NODES.textNode(text(bytes, column));
      case StructAccessor struct -> struct(struct);
      case PqList list -> {
        ArrayNode nodes = NODES.arrayNode();
        for (int i = 0; i < list.size(); i++) {
          nodes.add(list.isNull(i) ? NODES.nullNode() : node(list.get(i), column));
        }
        yield nodes;
      }
      case PqMap map -> {
        ObjectNode fields = NODES.objectNode();
        for (PqMap.Entry entry : map.getEntries()) {
          fields.set(String.valueOf(entry.getKey()), node(entry.getValue(), column));
        }
        yield fields;
      }
      default -> NODES.textNode(value.toString()); // Text, dates, times, identifiers.
    };
  }

  private String text(byte[] bytes, String column) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InvalidInputException(
          "%s: column '%s' holds bytes that are no text in UTF-8; leave the column out of the file"
              .formatted(origin(), column),
          e);
    }
  }

  private String origin() {
    return file + ": row " + row;
  }

  private InvalidInputException damaged(Exception e) {
    String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    String where = row == 0 ? file.toString() : origin();
    return new InvalidInputException(
        where
            + ": this Parquet file cannot be read: "
            + reason.lines().findFirst().orElse("")
            + ". It is damaged, or uses what is not supported; write it anew, or convert it to JSONL",
        e);
  }
}
