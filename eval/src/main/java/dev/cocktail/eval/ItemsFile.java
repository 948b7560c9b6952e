package dev.cocktail.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.eval.EvaluationItem.Chat;
import dev.cocktail.eval.EvaluationItem.Plain;
import dev.cocktail.eval.metric.Outcome;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.AtomicFile;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The file of an evaluation's items, one JSON object a line: {@code task}, {@code item} (its number from 0), {@code
 * origin}, {@code cluster} (where it has one), {@code prompt} (text, or a list of messages), {@code answer}, {@code
 * finish}, {@code read_strict} and {@code read_lenient} (null where unreadable), {@code gold}, {@code right_strict},
 * {@code right_lenient}, {@code loss} (a sum) and {@code loss_tokens}, and {@code scores} of labels where the answer
 * was chosen by likelihood.
 */
public final class ItemsFile {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final List<String> COLUMNS_READ =
      List.of(
          "task",
          "item",
          "origin",
          "answer",
          "gold",
          "read_strict",
          "read_lenient",
          "right_strict",
          "right_lenient",
          "loss",
          "loss_tokens");

  private ItemsFile() {}

  /**
   * Writes the items of evaluations one after the other; the file is there whole or not at all.
   *
   * @throws UncheckedIOException when it cannot be written; what was there before is unharmed
   */
  public static void write(Path target, List<Evaluation> evaluations) {
    AtomicFile.write(
        target,
        channel -> {
          // Not closed, since the channel is the caller's.
          var out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
          for (Evaluation evaluation : evaluations) {
            for (int number = 0; number < evaluation.items().size(); number++) {
              out.write(line(evaluation.task().name(), number, evaluation.items().get(number)));
            }
          }
          out.flush();
        });
  }

  /**
   * Reads what {@link #write} wrote.
   *
   * @return what became of the items of each task, in their order
   * @throws InvalidInputException naming the line that is broken, missing or there twice
   */
  public static Map<String, List<AnsweredItem>> read(Path file) {
    Map<String, List<AnsweredItem>> byTask = new LinkedHashMap<>();
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      int number = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        JsonNode row = parse(line, file, number);
        List<AnsweredItem> items = byTask.computeIfAbsent(text(row, "task"), _ -> new ArrayList<>());
        if (row.get("item").asInt() != items.size()) {
          throw new InvalidInputException(
              "%s:%d: expected item %d of task %s, this is item %s; lines are missing or there twice"
                  .formatted(file, number, items.size(), text(row, "task"), row.get("item")));
        }
        items.add(answered(row));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(new IOException(file + " cannot be read: " + e.getMessage(), e));
    }
    return byTask;
  }

  private static JsonNode parse(String line, Path file, int number) {
    try {
      JsonNode row = JSON.readTree(line);
      boolean whole = row != null && COLUMNS_READ.stream().allMatch(row::has);
      if (whole) {
        return row;
      }
    } catch (JsonProcessingException _) {
      // Said below.
    }
    throw new InvalidInputException(file + ":" + number + ": expected one answered item as JSON; is the file whole?");
  }

  private static AnsweredItem answered(JsonNode row) {
    double loss = row.get("loss").isNull() ? Double.NaN : row.get("loss").asDouble();
    int tokens = row.get("loss_tokens").asInt();
    double probability = Evaluator.tokenProbability(loss, tokens);
    return new AnsweredItem(
        text(row, "origin"),
        Optional.ofNullable(text(row, "cluster")),
        text(row, "answer"),
        outcome(row, "strict", probability),
        outcome(row, "lenient", probability),
        loss,
        tokens);
  }

  private static Outcome outcome(JsonNode row, String reading, double probability) {
    Optional<String> read = Optional.ofNullable(text(row, "read_" + reading));
    return new Outcome(text(row, "gold"), read, row.get("right_" + reading).asBoolean(), probability);
  }

  private static String text(JsonNode row, String column) {
    JsonNode value = row.get(column);
    return value == null || value.isNull() ? null : value.asText();
  }

  private static byte[] line(String task, int number, ItemResult result) throws IOException {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("task", task);
    row.put("item", number);
    row.put("origin", result.item().origin());
    result.item().cluster().ifPresent(cluster -> row.put("cluster", cluster));
    row.put(
        "prompt",
        switch (result.item().prompt()) {
          case Plain plain -> plain.text();
          case Chat chat -> chat.messages();
        });
    row.put("answer", result.answer());
    row.put("finish", result.finish());
    row.put("read_strict", read(result.strict()));
    row.put("read_lenient", read(result.lenient()));
    row.put("gold", result.strict().gold());
    row.put("right_strict", result.strict().right());
    row.put("right_lenient", result.lenient().right());
    row.put("loss", finite(result.loss()));
    row.put("loss_tokens", result.lossTokens());
    if (!result.scores().isEmpty()) {
      Map<String, Object> scores = new LinkedHashMap<>();
      result.scores().forEach((label, score) -> scores.put(label, finite(score)));
      row.put("scores", scores);
    }
    // As a string first: it may hold halves of characters, which a writer of bytes refuses.
    return (JSON.writeValueAsString(row) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private static String read(Outcome outcome) {
    return outcome.read().orElse(null);
  }

  /** JSON has no word for what is no number. */
  private static Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
