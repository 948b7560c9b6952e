package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run over a mixture, as users start it: what it says of shares and losses. */
class MixtureRunTest {
  private static final List<String> TASKS = List.of("a", "b", "c");

  /** Shares of supervised tokens at T = 2, the tasks having 16, 64 and 4 of them: 4, 8 and 2 of 14. */
  private static final double[] TOKENS = {4 / 14., 8 / 14., 2 / 14.};

  /** An example has 4, 32 or 2 supervised tokens, so the shares of examples are as 4/4, 8/32 and 2/2. */
  private static final double[] EXAMPLES = {4 / 9., 1 / 9., 4 / 9.};

  private static final double[] LOSS_WEIGHTS = {1, 2, 1};

  private static final String RUN_FILE =
      """
      model: model
      adapter: {r: 2, lora_alpha: 4}
      tasks:
        - {name: a, train: a.jsonl, max_examples: 4, seed: 3}
        - {name: b, train: b.jsonl}
        - {name: c, train: c.jsonl, validation: c.jsonl}
      mixture: {strategy: temperature, temperature: 2, unit: supervised_tokens}
      training:
        epochs: 9
        epochs_of: largest
        loss: tasks
        loss_weights: {b: 2}
        max_length: 40
        tokens_per_step: 120
        micro_batch_tokens: 120
        learning_rate: 1.0e-3
      output: out
      """;

  @TempDir private Path folder;

  private static String lines(int count, String completion) {
    return String.join(
        "\n",
        IntStream.range(0, count)
            .mapToObj(i -> "{\"prompt\": \"" + i + " \", \"completion\": \"" + completion + "\"}")
            .toList());
  }

  private static TinyFolder write(Path path) throws IOException {
    TinyFolder tiny = TinyFolder.write(Files.createDirectories(path));
    tiny.write("a.jsonl", lines(9, "yes"));
    tiny.write("b.jsonl", lines(2, "0123456789".repeat(3) + "0"));
    tiny.write("c.jsonl", lines(2, "x"));
    tiny.write("run.yaml", RUN_FILE);
    return tiny;
  }

  private static List<JsonNode> steps(TinyFolder tiny) throws IOException {
    var mapper = new ObjectMapper();
    List<JsonNode> steps = new ArrayList<>();
    for (String line : tiny.text("out/metrics.jsonl").lines().toList()) {
      JsonNode event = mapper.readTree(line);
      if (event.path("event").asText().equals("step")) {
        steps.add(event);
      }
    }
    return steps;
  }

  @Test
  void plannedAndRealisedSharesAreInEveryStep() throws IOException {
    TinyFolder tiny = write(folder);
    CommandRun run = tiny.train().done();
    assertThat(run.err())
        .contains("task a: max_examples keeps 4 of 9 examples")
        .contains(
            "mixture temperature: a 44.4 % of the examples, 28.6 % of what is learnt, 9.00 passes;"
                + " b 11.1 % of the examples, 57.1 % of what is learnt, ");
    List<JsonNode> steps = steps(tiny);
    assertThat(steps).hasSizeGreaterThan(5);
    assertThat(steps.getLast().path("epoch").doubleValue()).isEqualTo(9);
    long[] examples = new long[3];
    long[] tokens = new long[3];
    for (JsonNode step : steps) {
      double loss = 0;
      double weights = 0;
      for (int task = 0; task < 3; task++) {
        JsonNode own = step.path("tasks").path(TASKS.get(task));
        examples[task] += own.path("examples").longValue();
        tokens[task] += own.path("supervised_tokens").longValue();
        if (!own.isMissingNode()) {
          loss += LOSS_WEIGHTS[task] * own.path("loss").doubleValue();
          weights += LOSS_WEIGHTS[task];
        }
      }
      assertThat(step.path("loss").doubleValue()).isCloseTo(loss / weights, within(1e-12 * loss));
      for (int task = 0; task < 3; task++) {
        JsonNode shares = step.path("mixture").path(TASKS.get(task));
        JsonNode own = step.path("tasks").path(TASKS.get(task));
        assertThat(shares.path("planned_examples").doubleValue()).isCloseTo(EXAMPLES[task], within(1e-15));
        assertThat(shares.path("planned_supervised_tokens").doubleValue()).isCloseTo(TOKENS[task], within(1e-15));
        assertThat(shares.path("examples").doubleValue())
            .isEqualTo((double) own.path("examples").longValue() / sum(step, "examples"));
        assertThat(shares.path("supervised_tokens").doubleValue())
            .isEqualTo((double) own.path("supervised_tokens").longValue() / sum(step, "supervised_tokens"));
        assertThat(shares.path("examples_so_far").doubleValue())
            .isEqualTo(examples[task] / (double) IntStream.range(0, 3).mapToLong(i -> examples[i]).sum());
        assertThat(shares.path("supervised_tokens_so_far").doubleValue())
            .isEqualTo(tokens[task] / (double) IntStream.range(0, 3).mapToLong(i -> tokens[i]).sum());
      }
    }
    assertThat(examples[0]).as("nine passes over four examples").isEqualTo(36);
    // 36 is 4/9 of 81; each count is off by less than 1 + (3 - 2) p.
    assertThat(examples[1]).isBetween(7L, 11L);
    assertThat(examples[2]).isBetween(33L, 39L);
    for (int task = 0; task < 3; task++) {
      assertThat(tokens[task]).isEqualTo(examples[task] * new int[] {4, 32, 2}[task]);
    }
  }

  private static long sum(JsonNode step, String field) {
    long sum = 0;
    for (JsonNode task : step.path("tasks")) {
      sum += task.path(field).longValue();
    }
    return sum;
  }

  /**
   * F32's rounding is all that portions change: its unit 6e-8, times a chain of a few hundred sums, over some steps.
   */
  @Test
  void meansOfTasksAreTheSameForAnySplitIntoMicroBatches() throws IOException {
    TinyFolder whole = write(folder.resolve("whole"));
    whole.train().done();
    TinyFolder split = write(folder.resolve("split"));
    split.edit("run.yaml", "micro_batch_tokens: 120", "micro_batch_tokens: 40");
    split.train().done();
    List<JsonNode> expected = steps(whole);
    List<JsonNode> found = steps(split);
    assertThat(found).hasSameSizeAs(expected);
    for (int s = 0; s < found.size(); s++) {
      double loss = expected.get(s).path("loss").doubleValue();
      assertThat(found.get(s).path("loss").doubleValue()).isCloseTo(loss, within(1e-4 * loss));
      double norm = expected.get(s).path("grad_norm").doubleValue();
      assertThat(found.get(s).path("grad_norm").doubleValue()).isCloseTo(norm, within(1e-3 * norm));
      assertThat(found.get(s).path("mixture")).isEqualTo(expected.get(s).path("mixture"));
    }
  }
}
