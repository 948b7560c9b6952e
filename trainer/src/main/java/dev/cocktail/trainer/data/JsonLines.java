package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.text.Message;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Reads data sets of one JSON object a line, in UTF-8: conversations, prompts with completions, or plain text. Blank
 * lines are skipped; a byte-order mark and CRLF are accepted; fields that are not known are ignored. Whatever is wrong
 * is reported with file and line.
 */
public final class JsonLines {
  private static final int MAX_LINE = 1 << 28;
  private static final Set<String> ROLES = Set.of("system", "user", Message.ASSISTANT);
  private static final String FORMS =
      "expected {\"messages\": [{\"role\": ..., \"content\": ...}, ...]}, or"
          + " {\"prompt\": ..., \"completion\": ...}, or {\"text\": ...}";

  private static final ObjectReader JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build()
          .readerFor(JsonNode.class);

  private final Path file;
  private long line;

  private JsonLines(Path file) {
    this.file = requireNonNull(file, "file");
  }

  /**
   * Hands every record of a file on, in order, without keeping them.
   *
   * @throws InvalidInputException naming file, line, what is wrong and what was expected; also when there is no record
   */
  public static void read(Path file, Consumer<? super SourceRecord> consumer) {
    new JsonLines(file).run(consumer);
  }

  private void run(Consumer<? super SourceRecord> consumer) {
    var records = 0L;
    try (var in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      for (var bytes = nextLine(in); bytes.isPresent(); bytes = nextLine(in)) {
        var text = decode(bytes.get());
        if (!text.isBlank()) {
          consumer.accept(parse(text));
          records++;
        }
      }
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(file + " does not exist. Expected a JSONL file: one JSON object a line", e);
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read " + file + ": " + e.getMessage(), e);
    }
    if (records == 0) {
      throw new InvalidInputException(
          file + " holds no example, so its task is empty. Expected a JSONL file: one JSON object a line; " + FORMS);
    }
  }

  private Optional<byte[]> nextLine(InputStream in) throws IOException {
    line++;
    var bytes = new ByteArrayOutputStream(512);
    for (var b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        return Optional.of(bytes.toByteArray());
      }
      bytes.write(b);
      if (bytes.size() > MAX_LINE) {
        throw wrong("the line is longer than " + MAX_LINE / (1 << 20) + " MiB; expected one example a line");
      }
    }
    return bytes.size() == 0 ? Optional.empty() : Optional.of(bytes.toByteArray());
  }

  private String decode(byte[] bytes) {
    try {
      var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return line == 1 && text.startsWith("\uFEFF") ? text.substring(1) : text;
    } catch (CharacterCodingException e) {
      var wrong = wrong("not valid UTF-8; convert the file, for instance: iconv -f ISO-8859-1 -t UTF-8");
      wrong.initCause(e);
      throw wrong;
    }
  }

  /** What the parser says, without its remarks on itself. */
  private static String reason(JsonProcessingException failure) {
    String text = failure.getOriginalMessage();
    if (text.startsWith("Trailing token")) {
      return "more follows after the object; expected one object a line";
    }
    int aside = text.indexOf(" (start marker at ");
    return aside < 0 ? text : text.substring(0, aside);
  }

  private SourceRecord parse(String text) {
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
                  text.strip().startsWith("[") && line == 1 ? "; a JSON list over several lines is not JSONL" : ""),
          e);
    }
    if (node == null || !node.isObject()) {
      throw wrong("not a JSON object; " + FORMS);
    }
    var forms =
        (node.has("messages") ? 1 : 0)
            + (node.has("prompt") || node.has("completion") ? 1 : 0)
            + (node.has("text") && !node.has("prompt") && !node.has("messages") && !node.has("completion") ? 1 : 0);
    if (forms > 1) {
      throw wrong("both \"messages\" and \"prompt\" or \"completion\"; expected one of the two forms");
    }
    if (node.has("messages")) {
      return conversation(node.get("messages"));
    }
    if (node.has("prompt") || node.has("completion")) {
      return completion(node);
    }
    if (node.has("text")) {
      var plain = text(node, "text", "\"text\"");
      if (plain.isBlank()) {
        throw wrong("\"text\" is empty; remove the line");
      }
      return new SourceRecord.PlainText(origin(), plain);
    }
    var fields = new TreeSet<String>();
    node.fieldNames().forEachRemaining(fields::add);
    throw wrong(
        "none of the fields \"messages\", \"prompt\" and \"completion\", \"text\", but " + fields + "; " + FORMS);
  }

  private SourceRecord completion(JsonNode node) {
    var prompt = text(node, "prompt", "\"prompt\"");
    var completion = text(node, "completion", "\"completion\"");
    if (completion.isBlank()) {
      throw wrong("\"completion\" is empty, so there is nothing to learn; remove the line or fill it");
    }
    return new SourceRecord.Completion(origin(), prompt, completion);
  }

  private SourceRecord conversation(JsonNode list) {
    if (!list.isArray()) {
      throw wrong("\"messages\" is " + kind(list) + "; expected a list of {\"role\": ..., \"content\": ...}");
    }
    var messages = new ArrayList<Message>();
    for (var i = 0; i < list.size(); i++) {
      var where = "\"messages\"[" + i + "]";
      var node = list.get(i);
      if (!node.isObject()) {
        throw wrong(where + " is " + kind(node) + "; expected {\"role\": ..., \"content\": ...}");
      }
      if (node.hasNonNull("tool_calls")) {
        throw wrong(where + " has \"tool_calls\", which are not supported; write the call into its content");
      }
      var role = text(node, "role", where + ".\"role\"");
      if (!ROLES.contains(role)) {
        throw wrong(where + " has the role \"" + role + "\"; expected system, user or assistant");
      }
      messages.add(new Message(role, text(node, "content", where + ".\"content\"")));
    }
    if (messages.stream().noneMatch(message -> message.isAssistant() && !message.content().isBlank())) {
      throw wrong(
          "no message of the assistant says anything, so there is nothing to learn; expected at least one with the"
              + " role assistant and a content");
    }
    return new SourceRecord.Conversation(origin(), messages);
  }

  private String text(JsonNode node, String field, String where) {
    var value = node.get(field);
    if (value == null) {
      throw wrong(where + " is missing; expected text");
    }
    if (!value.isTextual()) {
      throw wrong(where + " is " + kind(value) + "; expected text");
    }
    return value.textValue();
  }

  private static String kind(JsonNode node) {
    return switch (node.getNodeType()) {
      case ARRAY -> "a list";
      case OBJECT -> "an object";
      case STRING -> "text";
      case NUMBER -> "the number " + node.asText();
      case BOOLEAN -> node.asText();
      default -> "null";
    };
  }

  private String origin() {
    return file + ":" + line;
  }

  private InvalidInputException wrong(String what) {
    return new InvalidInputException(origin() + ": " + what);
  }
}
