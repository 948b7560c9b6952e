package dev.cocktail.trainer.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.tensor.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads a data set as questions with right answers: of a conversation the assistant's last message is the answer, of a
 * prompt its completion. A field {@code cluster}, text or a whole number, says which items are not independent.
 */
public final class EvaluationItems {
  private static final ObjectMapper JSON = new ObjectMapper();

  private EvaluationItems() {}

  /**
   * Reads a file as {@link JsonLines} does.
   *
   * @throws InvalidInputException naming file, line, what is wrong and what was expected
   */
  public static List<EvaluationItem> read(Path file) {
    List<SourceRecord> records = new ArrayList<>();
    JsonLines.read(file, records::add);
    Map<String, String> clusters = clusters(file);
    return records.stream().map(record -> item(record, Optional.ofNullable(clusters.get(record.origin())))).toList();
  }

  private static EvaluationItem item(SourceRecord record, Optional<String> cluster) {
    return switch (record) {
      case SourceRecord.Conversation conversation -> {
        var last = conversation.messages().getLast();
        if (!last.isAssistant() || last.content().isBlank()) {
          throw new InvalidInputException(
              record.origin()
                  + ": the last message is not an answer of the assistant; expected the right answer there");
        }
        var asked = conversation.messages().subList(0, conversation.messages().size() - 1);
        yield new EvaluationItem(record.origin(), new Chat(asked), last.content(), cluster);
      }
      case SourceRecord.Completion pair ->
          new EvaluationItem(record.origin(), new Plain(pair.prompt()), pair.completion(), cluster);
      case SourceRecord.PlainText _ ->
          throw new InvalidInputException(
              record.origin()
                  + ": {\"text\"} has no question and right answer; expected {\"messages\": [...]} that ends with the"
                  + " assistant's answer, or {\"prompt\": ..., \"completion\": ...}");
    };
  }

  /** The clusters by {@code file:line}, of a file that was read without complaint. */
  private static Map<String, String> clusters(Path file) {
    Map<String, String> clusters = new HashMap<>();
    try {
      String text = Files.readString(file);
      if (!text.contains("\"cluster\"")) {
        return clusters;
      }
      String[] lines = (text.startsWith("\uFEFF") ? text.substring(1) : text).split("\n", -1);
      for (int line = 0; line < lines.length; line++) {
        if (lines[line].isBlank()) {
          continue;
        }
        JsonNode cluster = JSON.readTree(lines[line]).get("cluster");
        if (cluster != null && !cluster.isNull()) {
          String origin = file + ":" + (line + 1);
          if (!cluster.isTextual() && !cluster.isIntegralNumber()) {
            throw new InvalidInputException(
                origin + ": \"cluster\" is " + cluster + "; expected text or a whole number");
          }
          clusters.put(origin, cluster.asText());
        }
      }
    } catch (IOException e) {
      throw new InvalidInputException("Cannot read " + file + ": " + e.getMessage(), e);
    }
    return clusters;
  }
}
