package dev.cocktail.trainer.data;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Reads one JSON list of objects, an element at a time, so that the file may be larger than memory. It may be the only
 * field of an object, or the one that the format names.
 */
final class JsonListRows implements DataRows.Rows {
  private static final ObjectReader JSON =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build().readerFor(JsonNode.class);

  private final Path file;
  private final DataFormat format;
  private int line = 1;
  private long element;

  JsonListRows(Path file, DataFormat format) {
    this.file = file;
    this.format = format;
  }

  /** Whether the first character is a list's bracket. */
  static boolean isList(Path file, DataFormat format) throws IOException {
    try (Reader in = open(file, format)) {
      int c = in.read();
      while (c >= 0 && Character.isWhitespace(c)) {
        c = in.read();
      }
      return c == '[';
    }
  }

  private static Reader open(Path file, DataFormat format) throws IOException {
    return new BufferedReader(StrictReader.open(file, format.charset().orElse(StandardCharsets.UTF_8)));
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    try (Reader in = open(file, format);
        JsonParser json = JSON.createParser(in)) {
      boolean isMember = next(json) == JsonToken.START_OBJECT;
      if (isMember) {
        findMember(json);
      }
      if (json.currentToken() != JsonToken.START_ARRAY) {
        throw wrong("not a JSON list; expected [{...}, {...}]. For one object a line, set format: {type: jsonl}");
      }
      while (next(json) != JsonToken.END_ARRAY) {
        element++;
        line = json.currentTokenLocation().getLineNr();
        consumer.accept(new DataRow(origin(), object(json)));
      }
      boolean isEnd = !isMember || format.list().isPresent() || next(json) == JsonToken.END_OBJECT;
      if (!isEnd) {
        throw wrong("another list, '" + json.currentName() + "', follows; say which one with format: {list: ...}");
      }
      if (format.list().isEmpty() && next(json) != null) {
        throw wrong("more follows after the list; expected one list in the file");
      }
    }
    return List.of();
  }

  /** Goes to the list that is named, or to the first one. */
  private void findMember(JsonParser json) throws IOException {
    List<String> names = new ArrayList<>();
    while (next(json) == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      names.add(name);
      next(json);
      if (format.list().isEmpty() || format.list().get().equals(name)) {
        return;
      }
      try {
        json.skipChildren();
      } catch (JsonProcessingException e) {
        throw invalid(e);
      }
    }
    throw wrong(
        "there is no list '%s' (there is: %s)"
            .formatted(DataRow.shown(format.list().orElse("")), DataRow.shown(String.join(", ", names))));
  }

  private JsonToken next(JsonParser json) throws IOException {
    try {
      JsonToken token = json.nextToken();
      line = json.currentTokenLocation().getLineNr();
      return token;
    } catch (JsonProcessingException e) {
      throw invalid(e);
    }
  }

  private ObjectNode object(JsonParser json) throws IOException {
    JsonNode node;
    try {
      node = json.readValueAsTree();
    } catch (JsonProcessingException e) {
      throw invalid(e);
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new InvalidInputException(origin() + ": not a JSON object, but " + DataRow.kind(node));
  }

  private InvalidInputException invalid(JsonProcessingException failure) {
    int at = failure.getLocation() == null ? line : failure.getLocation().getLineNr();
    int column = failure.getLocation() == null ? 1 : failure.getLocation().getColumnNr();
    return new InvalidInputException(
        "%s:%d: not valid JSON at column %d, in element %d of the list: %s"
            .formatted(file, at, column, Math.max(1, element), JsonRows.reason(failure)),
        failure);
  }

  private String origin() {
    return "%s:%d (element %d)".formatted(file, line, element);
  }

  private InvalidInputException wrong(String what) {
    return new InvalidInputException(file + ":" + line + ": " + what);
  }
}
