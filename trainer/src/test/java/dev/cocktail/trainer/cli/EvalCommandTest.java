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
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code cocktail eval} on a tiny folder. */
class EvalCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
    folder.write(
        "moves.jsonl",
        """
        {"messages": [{"role": "user", "content": "oil?"}, {"role": "assistant", "content": "up"}], "cluster": "p1"}

        {"prompt": "gold: ", "completion": "down", "cluster": 7}
        {"prompt": "tin: ", "completion": "Up"}
        """);
  }

  private CommandRun eval(String... more) {
    List<String> arguments = new ArrayList<>(List.of("eval", "--device", "cpu"));
    arguments.addAll(List.of(more));
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  private String path(String name) {
    return folder.path(name).toString();
  }

  @Test
  void scoresADataSetByLikelihood() throws IOException {
    CommandRun run =
        eval(
                "--json",
                "--model",
                path("model"),
                "--adapter",
                path("adapter"),
                "--data",
                path("moves.jsonl"),
                "--labels",
                "up,down",
                "--metric",
                "accuracy,macro_f1",
                "--method",
                "likelihood",
                "--items",
                path("items.jsonl"))
            .done();

    JsonNode summary = run.json();
    assertThat(summary.path("task").asText()).isEqualTo("moves");
    assertThat(summary.path("items").intValue()).isEqualTo(3);
    assertThat(summary.path("labels").toString()).isEqualTo("[\"up\",\"down\"]");
    assertThat(summary.path("metrics").size()).isEqualTo(2);
    assertThat(summary.at("/unreadable/strict").doubleValue()).isZero();
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(folder.path("items.jsonl"))) {
      rows.add(JSON.readTree(line));
    }
    assertThat(rows).hasSize(3);
    assertThat(rows.get(0).path("cluster").asText()).isEqualTo("p1");
    assertThat(rows.get(1).path("cluster").asText()).isEqualTo("7");
    assertThat(rows.get(2).has("cluster")).isFalse();
    assertThat(rows.get(1).path("origin").asText()).endsWith("moves.jsonl:3");
    assertThat(rows.get(2).path("gold").asText()).isEqualTo("up");
    double right = rows.stream().filter(row -> row.path("right_strict").booleanValue()).count() / 3.0;
    assertThat(summary.at("/metrics/accuracy/strict").doubleValue()).isCloseTo(right, within(1e-12));
    double loss = rows.stream().mapToDouble(row -> row.path("loss").doubleValue()).sum();
    assertThat(summary.path("loss").doubleValue())
        .isCloseTo(loss / summary.path("loss_tokens").longValue(), within(1e-9));
  }

  @Test
  void scoresADataSetByGenerationForPeople() {
    CommandRun run =
        eval(
                "--model",
                path("model"),
                "--data",
                path("moves.jsonl"),
                "--max-new-tokens",
                "3",
                "--limit",
                "2",
                "--name",
                "oil-and-gold")
            .done();

    assertThat(run.out()).contains("oil-and-gold: 2 items, loss ", "strict", "lenient", "exact_match", "unreadable");
    assertThat(run.err()).contains("without an adapter", "by generation");
  }

  /** The loss of the run's own validation, before and after training, is that of the base and of the adapter. */
  @Test
  void scoresTheTasksOfARunAndItsAdapter() throws IOException {
    folder.write("validation.jsonl", "{\"prompt\": \"sea: \", \"completion\": \"blue\"}");
    CommandRun trained = CommandRun.of("train", "--device", "cpu", "--json", "--quiet", path("run.yaml")).done();

    JsonNode base = eval("--json", "--run", path("run.yaml"), "--metric", "accuracy").done().json();
    JsonNode adapted =
        eval("--json", "--run", path("run.yaml"), "--task", "colours", "--adapter", path("out/adapter")).done().json();

    assertThat(base.path("labels").size()).isEqualTo(6);
    assertThat(base.path("loss").doubleValue())
        .isCloseTo(trained.json().at("/before/losses/colours").doubleValue(), within(1e-5));
    assertThat(adapted.path("loss").doubleValue())
        .isCloseTo(trained.json().at("/last/validation/losses/colours").doubleValue(), within(1e-5));
    assertThat(adapted.path("metrics").has("exact_match")).isTrue();
  }

  @Test
  void theTestFileComesBeforeTheValidationFile() {
    folder.write("test.jsonl", "{\"prompt\": \"a: \", \"completion\": \"red\"}\n".repeat(3));
    folder.edit("run.yaml", "validation: validation.jsonl", "validation: validation.jsonl, test: test.jsonl");
    assertThat(eval("--json", "--run", path("run.yaml")).done().json().path("items").intValue()).isEqualTo(3);
  }

  @Test
  void scoresTheTaskOfADescription() throws IOException {
    folder.write("sentences.txt", "Profit rose @ 5 %.@positive\nSales fell.@negative\n");
    JsonNode shipped =
        eval(
                "--json",
                "--model",
                path("model"),
                "--task",
                "fpb_sentences",
                "--data",
                path("sentences.txt"),
                "--method",
                "likelihood")
            .done()
            .json();
    assertThat(shipped.path("task").asText()).isEqualTo("fpb");
    assertThat(shipped.path("items").intValue()).isEqualTo(2);
    assertThat(shipped.path("labels").toString()).isEqualTo("[\"negative\",\"neutral\",\"positive\"]");

    folder.write("sums.csv", "q,a\n1 + 1,so = 2\n");
    folder.write(
        "sums.yaml",
        """
        name: sums
        train: sums.csv
        test: sums.csv
        template: {user: "{{ q }}", assistant: "{{ a }}"}
        metric: numeric_match
        answer_after: "="
        """);
    JsonNode own =
        eval("--json", "--model", path("model"), "--task", path("sums.yaml"), "--items", path("items.jsonl"))
            .done()
            .json();
    assertThat(own.at("/metrics/numeric_match").has("lenient")).isTrue();
    JsonNode item = JSON.readTree(Files.readString(folder.path("items.jsonl")));
    assertThat(item.path("gold").asText()).isEqualTo("2");
    assertThat(item.at("/prompt/0/content").asText()).isEqualTo("1 + 1");
  }

  static Stream<Arguments> wrong() {
    String model = "--model @model ";
    String data = model + "--data @moves.jsonl ";
    return Stream.of(
        Arguments.of("", "--data|--run"),
        Arguments.of(data + "--run @run.yaml", "--data|--run"),
        Arguments.of("--data @moves.jsonl", "--model"),
        Arguments.of("--run @run.yaml --name x", "--name"),
        Arguments.of(data + "--task x", "use|'x'|fpb_sentences"),
        Arguments.of(model + "--task fpb", "train|missing"),
        Arguments.of(data + "--task fpb", "moves.jsonl:1|'sentence'|messages"),
        Arguments.of(data + "--task fpb --task gsm8k", "--task|several times"),
        Arguments.of("--task fpb --data @moves.jsonl", "--model"),
        Arguments.of("--run @run.yaml --task colors", "'colors'|'colours'|run.yaml"),
        Arguments.of("--run @nothing.yaml", "nothing.yaml"),
        Arguments.of(model + "--data @nothing.jsonl", "nothing.jsonl|does not exist"),
        Arguments.of("--model @nowhere --data @moves.jsonl", "nowhere"),
        Arguments.of(data + "--adapter @nowhere", "nowhere"),
        Arguments.of(data + "--metric f1", "'f1'|macro_f1"),
        Arguments.of(data + "--metric accuracy,exact_match", "accuracy|exact_match"),
        Arguments.of(data + "--metric numeric_match", "'up'|moves.jsonl:1|1 time|a number"),
        Arguments.of(data + "--metric exact_match --labels up,down", "exact_match|--labels"),
        Arguments.of(data + "--metric exact_match --method likelihood", "exact_match|--method likelihood"),
        Arguments.of(data + "--labels up,flat", "'down'|moves.jsonl:3|1 time|up, flat"),
        Arguments.of(data + "--labels up,UP", "'up'|'UP'"),
        Arguments.of(data + "--method guess", "'guess'|mean-likelihood"),
        Arguments.of(data + "--limit 0", "--limit"),
        Arguments.of(data + "--max-new-tokens 0", "new tokens"),
        Arguments.of(data + "--batch-tokens 8", "moves.jsonl:1|8"),
        Arguments.of(data + "--items @model", "--items|folder"),
        Arguments.of(data + "--items @none/items.jsonl", "--items|none"),
        Arguments.of(data + "--items @moves.jsonl", "--items|questions"),
        Arguments.of(data + "--items @moves.jsonl --overwrite", "--items|questions"),
        Arguments.of(data + "--items @run.yaml", "--items|run.yaml|already|--overwrite"),
        Arguments.of(data + "--overwrite", "--overwrite|--items"),
        Arguments.of(model + "--data @text.jsonl", "text.jsonl:1|right answer"),
        Arguments.of(model + "--data @asked.jsonl", "asked.jsonl:1|assistant"),
        Arguments.of(model + "--data @cluster.jsonl", "cluster.jsonl:1|\"cluster\""));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  void badInputIsOneMessageAndWritesNothing(String arguments, String says) {
    folder.write("text.jsonl", "{\"text\": \"all of it\"}");
    folder.write(
        "asked.jsonl",
        "{\"messages\": [{\"role\": \"assistant\", \"content\": \"hm\"}, {\"role\": \"user\", \"content\": \"a?\"}]}");
    folder.write("cluster.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\", \"cluster\": [1]}");
    Map<String, String> before = folder.contents();

    List<String> given = new ArrayList<>(List.of("eval", "--device", "cpu"));
    Stream.of(arguments.split(" "))
        .filter(part -> !part.isEmpty())
        .map(part -> part.replace("@", temporary + "/"))
        .forEach(given::add);
    CommandRun run = CommandRun.of(given.toArray(String[]::new));

    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err().lines().filter(line -> line.startsWith("cocktail: "))).as(run.err()).hasSize(1);
    assertThat(run.err()).contains(says.split("\\|")).doesNotContain("Exception");
    assertThat(run.out()).isEmpty();
    assertThat(folder.contents()).isEqualTo(before);
  }

  @Test
  void theRunsPrecisionCountsUnlessAnotherIsGiven() {
    folder.edit("run.yaml", "training: {", "training: {precision: bf16, ");
    CommandRun run = eval("--run", path("run.yaml"));
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains("precision bf16 is for GPUs");
    eval("--run", path("run.yaml"), "--precision", "f32").done();
  }

  @Test
  void itemsAreReplacedWhereThatIsAskedFor() throws IOException {
    folder.write("items.jsonl", "of an earlier evaluation");
    String[] arguments = {"--model", path("model"), "--data", path("moves.jsonl"), "--items", path("items.jsonl")};
    assertThat(eval(arguments).exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(folder.path("items.jsonl")).hasContent("of an earlier evaluation");

    List<String> overwriting = new ArrayList<>(List.of(arguments));
    overwriting.add("--overwrite");
    eval(overwriting.toArray(String[]::new)).done();
    assertThat(Files.readAllLines(folder.path("items.jsonl"))).hasSize(3);
  }

  @Test
  void aRunWithoutDataToScoreOn() {
    folder.edit("run.yaml", ", validation: validation.jsonl", "");
    CommandRun run = eval("--run", path("run.yaml"));
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains("run.yaml", "task colours", "neither test nor validation");
  }

  @Test
  void labelsThatTrainingNeverSaw() {
    folder.write("validation.jsonl", "{\"prompt\": \"sea: \", \"completion\": \"teal\"}\n".repeat(2));
    CommandRun run = eval("--run", path("run.yaml"), "--metric", "accuracy");
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains("task colours", "'teal'", "validation.jsonl:1, 2 times", "blue");
  }
}
