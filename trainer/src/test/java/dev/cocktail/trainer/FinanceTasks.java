package dev.cocktail.trainer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * Makes two tasks for small models from public data: the sentiment of sentences from financial news (Financial
 * PhraseBank) and of tweets about stocks (Twitter Financial News Sentiment). It needs nothing but a JDK (17 or later):
 *
 * <pre>{@code
 * java trainer/src/test/java/dev/cocktail/trainer/FinanceTasks.java MODEL PHRASEBANK.txt TWEETS.csv OUT
 * ./cocktail train OUT/run.yaml
 * }</pre>
 */
public final class FinanceTasks {
  private static final int TRAIN = 600;
  private static final int VALIDATION = 150;

  /** Small models know few words, so that long sentences become very many tokens. */
  private static final int LONGEST = 90;

  private static final List<String> TWEET_LABELS = List.of("bearish", "bullish", "neutral");

  private FinanceTasks() {}

  /** Reads the model's folder, the two data sets and the new folder from the arguments. */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 4) {
      System.err.println("expected four arguments: MODEL PHRASEBANK.txt TWEETS.csv OUT");
      System.exit(2);
    }
    Path out = Path.of(arguments[3]);
    write(Path.of(arguments[0]), Path.of(arguments[1]), Path.of(arguments[2]), out);
    System.out.println("now run: ./cocktail train " + out.resolve("run.yaml"));
  }

  /**
   * Writes each task's training and validation examples, which share no sentence, and a run file.
   *
   * @param model a model's folder, for the run file
   * @param phraseBank lines of {@code sentence@label}, ISO-8859-1
   * @param tweets CSV with the columns text and label; labels are 0 bearish, 1 bullish, 2 neutral
   * @param out the folder to write
   */
  static void write(Path model, Path phraseBank, Path tweets, Path out) throws IOException {
    Files.createDirectories(out);
    split(out, "phrasebank", phraseBank(phraseBank));
    split(out, "tweets", tweets(tweets));
    Files.writeString(
        out.resolve("run.yaml"),
        String.join(
            "\n",
            "# Two sentiment tasks, one LoRA adapter.",
            "model: " + quoted(model.toAbsolutePath().toString()),
            "adapter: {type: lora, r: 8, lora_alpha: 16, target_modules: all-linear}",
            "tasks:",
            "  - {name: phrasebank, train: phrasebank.train.jsonl, validation: phrasebank.validation.jsonl}",
            "  - {name: tweets, train: tweets.train.jsonl, validation: tweets.validation.jsonl}",
            "training:",
            "  epochs: 3",
            "  max_length: 256",
            "  tokens_per_step: 2048",
            "  learning_rate: 5.0e-3",
            "  warmup_ratio: 0.05",
            "  seed: 42",
            "evaluation: {every: 1 epochs}",
            "output: run",
            ""));
  }

  private static Map<String, String> phraseBank(Path file) throws IOException {
    Map<String, String> labels = new LinkedHashMap<>();
    for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
      int at = line.lastIndexOf('@');
      if (at > 0) {
        labels.putIfAbsent(line.substring(0, at).strip(), line.substring(at + 1).strip());
      }
    }
    return labels;
  }

  private static Map<String, String> tweets(Path file) throws IOException {
    Map<String, String> labels = new LinkedHashMap<>();
    for (List<String> row : csv(Files.readString(file))) {
      if (row.size() == 2 && row.get(1).matches("[012]")) {
        String text = row.get(0).replaceAll("https?://\\S+", "").replaceAll("\\s+", " ").strip();
        labels.putIfAbsent(text, TWEET_LABELS.get(Integer.parseInt(row.get(1))));
      }
    }
    return labels;
  }

  /** Fields between commas; those that hold commas, quotes or line ends stand in quotes, with quotes doubled. */
  private static List<List<String>> csv(String text) {
    List<List<String>> rows = new ArrayList<>();
    List<String> row = new ArrayList<>();
    var field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quoted && c == '"' && i + 1 < text.length() && text.charAt(i + 1) == '"') {
        field.append(c);
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && (c == ',' || c == '\n')) {
        row.add(field.toString().strip());
        field.setLength(0);
        if (c == '\n') {
          rows.add(row);
          row = new ArrayList<>();
        }
      } else {
        field.append(c);
      }
    }
    return rows;
  }

  /** Shuffles the short sentences, always alike, and cuts them in two. */
  private static void split(Path out, String task, Map<String, String> labels) throws IOException {
    List<String> sentences =
        labels.keySet().stream()
            .filter(sentence -> !sentence.isEmpty() && sentence.length() <= LONGEST)
            .collect(Collectors.toCollection(ArrayList::new));
    Collections.shuffle(sentences, new Random(1));
    if (sentences.size() < 2 * VALIDATION) {
      throw new IOException("only " + sentences.size() + " short sentences for the task " + task);
    }
    List<String> lines =
        sentences.stream()
            .map(sentence ->
                "{\"prompt\": "
                    + quoted(sentence + " The news is")
                    + ", \"completion\": "
                    + quoted(" " + labels.get(sentence))
                    + "}")
            .toList();
    int end = Math.min(lines.size(), VALIDATION + TRAIN);
    Files.write(out.resolve(task + ".validation.jsonl"), lines.subList(0, VALIDATION));
    Files.write(out.resolve(task + ".train.jsonl"), lines.subList(VALIDATION, end));
  }

  /** The text as JSON, which is YAML too. */
  private static String quoted(String text) {
    var json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        json.append('\\').append(c);
      } else if (c < ' ') {
        json.append(String.format("\\u%04x", (int) c));
      } else {
        json.append(c);
      }
    }
    return json.append('"').toString();
  }
}
