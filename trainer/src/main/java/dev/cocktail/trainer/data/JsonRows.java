package dev.cocktail.trainer.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Reads one JSON object a line. Blank lines are skipped; a byte-order mark and CRLF are accepted. */
final class JsonRows implements DataRows.Rows {
  private static final int MAX_LINE = 1 << 28;

  private static final ObjectReader JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build()
          .readerFor(JsonNode.class);

  private final Path file;
  private final DataFormat format;
  private long line;

  JsonRows(Path file, DataFormat format) {
    this.file = file;
    this.format = format;
  }

  @Override
  public List<String> read(Consumer<? super DataRow> consumer) throws IOException {
    try (var in = new BufferedReader(StrictReader.open(file, format.charset().orElse(StandardCharsets.UTF_8)))) {
      for (var text = nextLine(in); text.isPresent(); text = nextLine(in)) {
        if (!text.get().isBlank()) {
          consumer.accept(new DataRow(origin(), parse(text.get())));
        }
      }
    }
    return List.of();
  }

  private Optional<String> nextLine(Reader in) throws IOException {
    line++;
    var text = new StringBuilder(512);
    for (var c = in.read(); c >= 0; c = in.read()) {
      if (c == '\n') {
        return Optional.of(text.toString());
      }
      text.append((char) c);
      if (text.length() > MAX_LINE) {
        throw wrong("the line is longer than " + MAX_LINE / (1 << 20) + " MiB; expected one example a line");
      }
    }
    return text.isEmpty() ? Optional.empty() : Optional.of(text.toString());
  }

  private ObjectNode parse(String text) {
    JsonNode node;
    try {
      node = JSON.readValue(text);
    } catch (JsonProcessingException e) {
      var lfs = text.startsWith("version https://git-lfs") ? "; this is a git-lfs pointer: git lfs pull" : "";
      var column = e.getLocation() == null ? 1 : e.getLocation().getColumnNr();
      throw new InvalidInputException(
          "%s: not valid JSON at column %d: %s%s%s"
              .formatted(
                  origin(),
                  column,
                  reason(e),
                  lfs,
                  text.strip().startsWith("[") && line == 1
                      ? "; a JSON list over several lines is not JSONL: set format: {type: json}"
                      : ""),
          e);
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw wrong("not a JSON object; " + RecordForm.FORMS);
  }

  /** What the parser says, without its remarks on itself. */
  static String reason(JsonProcessingException failure) {
    String text = JsonProblem.of(failure);
    return text.startsWith("Trailing token") ? "more follows after the object; expected one object a line" : text;
  }

  private String origin() {
    return file + ":" + line;
  }

  private InvalidInputException wrong(String what) {
    return new InvalidInputException(origin() + ": " + what);
  }
}
