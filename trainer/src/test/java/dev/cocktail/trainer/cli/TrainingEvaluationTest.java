package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a run's model answers while it learns, and after. */
class TrainingEvaluationTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
    folder.write(
        "moves.jsonl",
        """
        {"prompt": "gold: ", "completion": "down"}
        {"prompt": "tin: ", "completion": "up"}
        {"prompt": "zinc: ", "completion": "up"}
        """);
    folder.write(
        "moves.test.jsonl",
        """
        {"prompt": "oil: ", "completion": "down"}
        {"prompt": "lead: ", "completion": "up"}
        """);
    folder.write(
        "run.yaml",
        """
        model: model
        adapter: {r: 4, lora_alpha: 16}
        tasks:
          - {name: colours, train: train.jsonl, validation: train.jsonl, metric: exact_match}
          - name: moves
            train: moves.jsonl
            validation: moves.jsonl
            test: moves.test.jsonl
            metric: macro_f1
            method: likelihood
        training: {max_steps: 12, max_length: 32, tokens_per_step: 64, learning_rate: 2.0e-2, schedule: constant}
        evaluation: {every: 2 steps, metrics_every: 4 steps, max_new_tokens: 8, best: moves.accuracy, test: both}
        output: out
        """);
  }

  private List<JsonNode> events(String event) {
    return folder
        .text("out/metrics.jsonl")
        .lines()
        .map(line -> {
          try {
            return JSON.readTree(line);
          } catch (IOException e) {
            throw new AssertionError(line, e);
          }
        })
        .filter(row -> row.path("event").asText().equals(event))
        .toList();
  }

  @Test
  void answersAreScoredChosenByAndKept() throws IOException {
    CommandRun run = folder.train().done();
    List<JsonNode> validations = events("validation");
    assertThat(validations).hasSize(7);
    List<JsonNode> scored = validations.stream().filter(row -> row.has("answers")).toList();
    assertThat(scored.stream().map(row -> row.path("step").intValue())).containsExactly(0, 4, 8, 12);
    assertThat(scored.getFirst().at("/answers/moves/items").intValue()).isEqualTo(3);
    assertThat(scored.getFirst().at("/answers/colours/metrics/exact_match").has("lenient")).isTrue();

    // The best is the first of the largest values, and the run says which it is.
    JsonNode best = events("best").getLast();
    double largest =
        scored.stream()
            .mapToDouble(row -> row.at("/answers/moves/metrics/accuracy/strict").doubleValue())
            .max()
            .orElseThrow();
    assertThat(best.path("value").doubleValue()).isEqualTo(largest);
    JsonNode first =
        scored.stream()
            .filter(row -> row.at("/answers/moves/metrics/accuracy/strict").doubleValue() == largest)
            .findFirst()
            .orElseThrow();
    assertThat(best.path("step")).isEqualTo(first.path("step"));
    assertThat(run.out()).contains("best by moves.accuracy: after step " + best.path("step") + " of 12");

    // What a person reads at the end are the numbers of the metrics file.
    JsonNode share = events("step").getLast().at("/mixture/moves/examples_so_far");
    double[] macroF1 =
        Stream.of(scored.getFirst(), first, scored.getLast())
            .mapToDouble(row -> row.at("/answers/moves/metrics/macro_f1/strict").doubleValue())
            .toArray();
    assertThat(run.out())
        .contains("12 of 12 steps in ", "tokens/s while training")
        .containsPattern("(?m)^moves +[0-9]+ +" + String.format(Locale.ROOT, "%.1f", 100 * share.doubleValue()) + " %")
        .contains("metric, first -> best -> last")
        .contains(String.format(Locale.ROOT, "macro_f1 %.4f -> %.4f -> %.4f", macroF1[0], macroF1[1], macroF1[2]));
    assertThat(run.out().lines().toList().getLast()).isEqualTo(folder.path("out/adapter").toString());

    try (Stream<Path> files = Files.list(folder.path("out/evaluation"))) {
      List<String> expected =
          Stream.of(
                  "test-best.jsonl",
                  "test-last.jsonl",
                  "validation-step-12.jsonl",
                  "validation-step-" + best.path("step") + ".jsonl")
              .distinct()
              .toList();
      assertThat(files.map(file -> file.getFileName().toString())).containsExactlyInAnyOrderElementsOf(expected);
    }
    List<String> items = Files.readAllLines(folder.path("out/evaluation/validation-step-12.jsonl"));
    assertThat(items).hasSize(9);
    assertThat(items.getLast()).contains("\"task\":\"moves\"", "zinc", "\"gold\":\"up\"", "\"scores\"");
  }

  /** Losses and metrics of {@code result.json} beside those of an event. */
  private static void assertSame(JsonNode scores, JsonNode event) {
    assertThat(scores.path("step")).isEqualTo(event.path("step"));
    assertThat(scores.path("loss")).isEqualTo(event.path("loss"));
    assertThat(scores.path("losses").size()).isEqualTo(event.path("tasks").size()).isPositive();
    scores
        .path("losses")
        .properties()
        .forEach(task -> assertThat(task.getValue()).isEqualTo(event.path("tasks").path(task.getKey()).path("loss")));
    assertThat(scores.path("metrics").size()).isEqualTo(event.path("answers").size());
    scores
        .path("metrics")
        .properties()
        .forEach(task -> {
          JsonNode told = event.path("answers").path(task.getKey()).path("metrics");
          assertThat(task.getValue().size()).isEqualTo(told.size()).isPositive();
          task.getValue()
              .properties()
              .forEach(metric -> assertThat(metric.getValue()).isEqualTo(told.path(metric.getKey()).path("strict")));
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"moves.accuracy", "colours.loss", "last"})
  void theResultSaysOfBothStatesAfterHowManyStepsTheyAreAndWhatTheyCameTo(String best) throws IOException {
    folder.edit("run.yaml", "best: moves.accuracy", "best: " + best);
    // What is learnt makes these less likely, so that the best is soon behind.
    folder.write("validation.jsonl", "{\"prompt\": \"sea: \", \"completion\": \"zzzz\"}");
    folder.edit("run.yaml", "validation: train.jsonl", "validation: validation.jsonl");
    JsonNode printed =
        CommandRun.of("train", "--json", "--device", "cpu", folder.path("run.yaml").toString()).done().json();
    JsonNode result = JSON.readTree(folder.text("out/result.json"));
    List<JsonNode> validations = events("validation");
    assertSame(result.path("before"), validations.getFirst());
    assertSame(result.at("/last/validation"), validations.getLast());
    assertThat(result.at("/last/step").intValue()).isEqualTo(12);
    assertThat(result.path("trained").asText()).isEqualTo(best.equals("last") ? "last" : "best");
    if (!best.equals("last")) {
      JsonNode chosen = events("best").getLast();
      assertThat(result.at("/best/step")).isEqualTo(chosen.path("step"));
      assertThat(result.at("/best/criterion").asText()).isEqualTo(best);
      assertThat(result.at("/best/value")).isEqualTo(chosen.path("value"));
      assertThat(result.at("/best/step").intValue()).isLessThan(12);
      assertSame(
          result.at("/best/validation"),
          validations.stream().filter(row -> row.path("step").equals(chosen.path("step"))).findFirst().orElseThrow());
    }
    for (JsonNode test : events("test")) {
      assertSame(result.path(test.path("which").asText()).path("test"), test);
    }
    assertThat(events("test")).hasSize(best.equals("last") ? 1 : 2);
    for (String which : List.of("best", "last")) {
      assertThat(printed.path(which).path("validation").toString())
          .isEqualTo(result.path(which).path("validation").toString());
      assertThat(printed.path(which).path("test").toString()).isEqualTo(result.path(which).path("test").toString());
    }
  }

  @Test
  void testSetsOfTasksWithoutAMetricHaveALoss() {
    folder.edit("run.yaml", "validation: train.jsonl, metric: exact_match", "test: validation.jsonl");
    CommandRun run = folder.train().done();
    JsonNode test = events("test").getLast();
    assertThat(test.path("which").asText()).isEqualTo("last");
    double loss = test.at("/tasks/colours/loss").doubleValue();
    assertThat(test.path("answers").has("colours")).isFalse();
    assertThat(run.out()).contains(String.format(Locale.ROOT, "colours: of the last, test loss %.4f%n", loss));
    JsonNode eval =
        CommandRun.of(
                "eval",
                "--json",
                "--device",
                "cpu",
                "--model",
                folder.path("model").toString(),
                "--data",
                folder.path("validation.jsonl").toString(),
                "--adapter",
                folder.path("out/last").toString())
            .done()
            .json();
    assertThat(eval.path("loss").doubleValue()).isCloseTo(loss, within(1e-5));

    // Where nothing has a metric, too, and only where it is asked for.
    for (String tested : List.of("last", "none")) {
      folder.write(
          "run.yaml",
          TinyFolder.RUN_FILE
              .replace("validation: validation", "test: validation")
              .replace("output: out", "evaluation: {test: %s}\noutput: %s".formatted(tested, tested)));
      folder.train().done();
      assertThat(folder.text(tested + "/metrics.jsonl").lines().filter(line -> line.contains("\"test\"")))
          .hasSize(tested.equals("none") ? 0 : 1)
          .allSatisfy(line -> assertThat(line).contains("\"tasks\":{\"colours\":{\"loss\":"));
    }
  }

  @Test
  void evalScoresTheSavedAdaptersToTheSameNumbers() {
    folder.train().done();
    for (String which : List.of("best", "last")) {
      JsonNode test =
          events("test").stream().filter(row -> row.path("which").asText().equals(which)).findFirst().orElseThrow();
      JsonNode eval =
          CommandRun.of(
                  "eval",
                  "--json",
                  "--device",
                  "cpu",
                  "--run",
                  folder.path("run.yaml").toString(),
                  "--adapter",
                  folder.path(which.equals("best") ? "out/adapter" : "out/last").toString(),
                  "--task",
                  "moves")
              .done()
              .json();
      assertThat(eval.path("metrics")).isEqualTo(test.at("/answers/moves/metrics"));
      assertThat(eval.path("loss")).isEqualTo(test.at("/answers/moves/loss"));
    }
  }

  @Test
  void aMetricThatIsNeverTakenIsWarnedOf() {
    folder.edit("run.yaml", "validation: train.jsonl, ", "");
    CommandRun run = folder.train().done();
    assertThat(run.err()).contains("warning: task colours has the metric exact_match, and neither validation nor test");
  }

  private void assertRefused(String... says) {
    Map<String, String> before = folder.contents();
    CommandRun run = folder.train();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains(says);
    assertThat(folder.contents()).isEqualTo(before);
  }

  @Test
  void whatDoesNotFitIsRefusedBeforeTheFirstStep() {
    String run = folder.text("run.yaml");
    folder.edit("run.yaml", "metric: macro_f1", "metric: macro_f2");
    assertRefused("run.yaml:9: tasks[1].metric: 'macro_f2' is not one of:", "macro_f1");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "metric: macro_f1", "metric: numeric_match");
    assertRefused("tasks[1].method: chooses among labels, which the metric 'numeric_match' is not for");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "metric: macro_f1", "metric: macro_f1\n    labels: [up, flat]");
    assertRefused("task moves: right answers that the task does not know: 'down' (", "moves.jsonl:1, 1 time)");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "metric: exact_match", "metric: exact_match, labels: [blue, green]");
    assertRefused("tasks[0].metric: 'exact_match' is not for labels");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "metric: exact_match", "metric: numeric_match");
    assertRefused("task colours: right answers that the task does not know: 'blue'", "expected a number");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "best: moves.accuracy", "best: colours.accuracy");
    assertRefused("evaluation.best: 'colours.accuracy' is measured nowhere");
    folder.write("run.yaml", run);
    folder.edit("run.yaml", "max_new_tokens: 8", "max_new_tokens: 40, batch_tokens: 32");
    assertRefused("train.jsonl:1: prompt and answer may have", "more than the 32 that may be computed at once");
    folder.write("run.yaml", run);
    // An answer that only the training examples have wrong.
    folder.write("wrong.jsonl", folder.text("moves.jsonl") + "{\"prompt\": \"iron: \", \"completion\": \"upp\"}\n");
    folder.edit("run.yaml", "train: moves.jsonl", "train: wrong.jsonl\n    labels: [up, down]");
    assertRefused("'upp' (", "wrong.jsonl:4, 1 time)", "the nearest is 'up'");
  }
}
