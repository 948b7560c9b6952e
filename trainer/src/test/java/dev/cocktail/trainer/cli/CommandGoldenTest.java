package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.trainer.GoldenAdapters;
import dev.cocktail.transformer.PaddedInputs;
import dev.cocktail.transformer.testing.Difference;
import dev.cocktail.transformer.testing.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the commands print and write, against what another implementation computed. */
class CommandGoldenTest {
  @TempDir private Path temporary;

  private CommandRun run(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(1, List.of("--device", "cpu", "--json"));
    return CommandRun.of(all.toArray(String[]::new)).done();
  }

  @ParameterizedTest
  @CsvSource({
    "bundled, , base",
    "bundled, adapter, lora",
    "phi3_mini_tiny, , base",
    "phi3_mini_tiny, adapter, lora",
    "phi3_mini_tiny, adapter_rslora, rslora",
    "phi3_mini_tiny, adapter_dora, dora",
    "phi35_longrope_tiny/short_len12, adapter, lora",
    "phi35_longrope_tiny/long_len40, , base",
    "phi35_longrope_tiny/long_len40, adapter, lora"
  })
  void traceMatches(String name, String adapter, String kind) {
    Golden golden = GoldenAdapters.of(name, temporary);
    Path out = temporary.resolve("trace.safetensors");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "trace",
                "--model",
                golden.model().toString(),
                "--tokens",
                golden.batch().resolve("inputs.json").toString(),
                "--out",
                out.toString(),
                "--grad"));
    if (adapter != null) {
      arguments.addAll(List.of("--adapter", golden.model().resolve(adapter).toString()));
    }
    JsonNode printed = run(arguments.toArray(String[]::new)).json();
    Map<String, Tensor> trace = Golden.read(out);
    assertThat(printed.path("tensors").intValue()).isEqualTo(trace.size());

    PaddedInputs inputs = golden.inputs();
    assertUnmasked(
        inputs, trace.get("logits"), golden.tensors("logits_" + kind + ".safetensors").get("logits"), "logits");
    JsonNode expected = golden.json("expected.json");
    double loss =
        kind.equals("base") || kind.equals("lora")
            ? expected.required("loss_" + kind).doubleValue()
            : expected.at("/extras/" + kind + "/loss").doubleValue();
    assertThat(trace.get("loss").get(0)).isCloseTo(loss, within(Golden.LOSS * loss));
    if (kind.equals("base")) {
      golden
          .tensors("hidden_base.safetensors")
          .forEach((hidden, tensor) -> assertUnmasked(inputs, trace.get(hidden), tensor, hidden));
    }
    String gradients = kind.equals("base") ? "grads_full_base.safetensors" : "grads_" + kind + ".safetensors";
    if (Files.exists(golden.batch().resolve(gradients))) {
      golden
          .tensors(gradients)
          .forEach((parameter, tensor) -> {
            assertThat(trace).containsKey(parameter);
            Difference.of(trace.get(parameter), tensor)
                .assertWithin("gradient of " + parameter, Golden.GRADIENT_L2, 10 * Golden.LOGITS_MAX);
          });
    }
  }

  private static void assertUnmasked(PaddedInputs inputs, Tensor actual, Tensor expected, String what) {
    long channels = expected.dim(2);
    int width = inputs.width();
    Difference.of(actual, expected, i -> inputs.mask()[(int) (i / channels / width)][(int) (i / channels % width)])
        .assertWithin(what, Golden.LOGITS_L2, Golden.LOGITS_MAX);
  }

  @ParameterizedTest
  @ValueSource(strings = {"bundled", "phi3_mini_tiny", "phi35_longrope_tiny"})
  void generateContinuesExactly(String name) throws IOException {
    Golden golden = GoldenAdapters.of(name, temporary);
    JsonNode expected = golden.json("generation.json");
    assertThat(generate(golden.model(), null, expected)).isEqualTo(ids(expected.required("base")));
    Path adapter = golden.model().resolve("adapter");
    assertThat(generate(golden.model(), adapter, expected)).isEqualTo(ids(expected.required("lora")));

    Path merged = temporary.resolve("merged");
    JsonNode merge =
        CommandRun.of(
                "merge",
                "--json",
                "--model",
                golden.model().toString(),
                "--adapter",
                adapter.toString(),
                "--out",
                merged.toString())
            .done()
            .json();
    assertThat(merge.path("merged_modules").intValue()).isEqualTo(4 * golden.config().layers());
    assertThat(generate(merged, null, expected)).isEqualTo(ids(expected.required("lora")));
  }

  private List<Integer> generate(Path model, Path adapter, JsonNode expected) throws IOException {
    Path tokens = temporary.resolve("prompt.json");
    // A second, other prompt beside it changes nothing.
    Files.writeString(tokens, "{\"input_ids\": [" + expected.required("prompt") + ", [7, 8, 9]]}");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "generate",
                "--model",
                model.toString(),
                "--tokens",
                tokens.toString(),
                "--temperature",
                "0",
                "--ignore-eos",
                "--max-new-tokens",
                expected.required("new_tokens").asText()));
    if (adapter != null) {
      arguments.addAll(List.of("--adapter", adapter.toString()));
    }
    List<JsonNode> lines = run(arguments.toArray(String[]::new)).jsonLines();
    assertThat(lines).hasSize(2);
    assertThat(lines.getFirst().required("prompt_ids")).isEqualTo(expected.required("prompt"));
    assertThat(lines.getFirst().required("finish").asText()).isEqualTo("length");
    return ids(lines.getFirst().required("ids"));
  }

  private static List<Integer> ids(JsonNode list) {
    List<Integer> ids = new ArrayList<>();
    list.forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  @Test
  void dorasMergeAnswersAsTheAdapterDoes() throws IOException {
    Golden golden = Golden.shared("phi3_mini_tiny");
    JsonNode expected = golden.json("generation.json");
    Path adapter = golden.model().resolve("adapter_dora");
    Path merged = temporary.resolve("merged");
    CommandRun.of(
            "merge",
            "--model",
            golden.model().toString(),
            "--adapter",
            adapter.toString(),
            "--out",
            merged.toString(),
            "--max-shard-bytes",
            "500000")
        .done();
    assertThat(merged.resolve("model.safetensors.index.json")).exists();
    assertThat(generate(merged, null, expected)).isEqualTo(generate(golden.model(), adapter, expected));
  }

  @Test
  void mergeOverwritesNothing() throws IOException {
    Golden golden = GoldenAdapters.bundled(temporary);
    byte[] before = Files.readAllBytes(golden.model().resolve("model.safetensors"));
    CommandRun refused =
        CommandRun.of(
            "merge",
            "--model",
            golden.model().toString(),
            "--adapter",
            golden.model().resolve("adapter").toString(),
            "--out",
            golden.model().toString());
    assertThat(refused.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(Files.readAllBytes(golden.model().resolve("model.safetensors"))).isEqualTo(before);
  }

  @Test
  void inspectKnowsModelsAndAdapters() {
    Golden golden = GoldenAdapters.bundled(temporary);
    JsonNode model = run("inspect", golden.model().toString()).json();
    assertThat(model.path("kind").asText()).isEqualTo("model");
    assertThat(model.path("tensors")).hasSize(21);
    JsonNode adapter = run("inspect", golden.model().resolve("adapter").toString()).json();
    assertThat(adapter.path("kind").asText()).isEqualTo("adapter");
    assertThat(adapter.at("/configuration/r").intValue()).isEqualTo(4);
    assertThat(adapter.path("tensors")).hasSize(24);
  }

  /** A text prompt, the chat template, and text that streams are the same answer. */
  @Test
  void textOfAPromptIsTheTextOfItsIds() throws IOException {
    TinyFolder folder = TinyFolder.write(temporary);
    JsonNode answer = folder.generate("--json", "--prompt", "hello", "--ignore-eos").done().json();
    assertThat(answer.required("prompt_ids")).as("user, hello, end, assistant").hasSize(4);
    CommandRun streamed = folder.generate("--quiet", "--prompt", "hello", "--ignore-eos").done();
    assertThat(streamed.out().stripTrailing()).isEqualTo(answer.required("text").asText().stripTrailing());
    assertThat(streamed.err()).isEmpty();
    List<JsonNode> both =
        folder.generate("--json", "--prompt", "hello", "--prompt", "hello", "--ignore-eos").done().jsonLines();
    assertThat(both).containsExactly(answer, answer);
    List<JsonNode> raw =
        Stream.of("1", "1", "2")
            .map(seed ->
                folder
                    .generate("--json", "--raw", "--prompt", "hello", "--temperature", "5", "--seed", seed)
                    .done()
                    .json())
            .toList();
    assertThat(raw.get(0)).isEqualTo(raw.get(1)).isNotEqualTo(raw.get(2));
    assertThat(raw.get(0).required("prompt_ids")).hasSize(1);
  }

  @Test
  void trainPrintsOneLineOfJson() {
    TinyFolder folder = TinyFolder.write(temporary);
    CommandRun run =
        CommandRun.of(
                "train",
                "--json",
                "--quiet",
                "--device",
                "cpu",
                "--seed",
                "9",
                "--output",
                temporary.resolve("elsewhere").toString(),
                folder.path("run.yaml").toString())
            .done();
    JsonNode summary = run.json();
    assertThat(summary.path("steps").intValue()).isEqualTo(4);
    assertThat(summary.at("/last/validation/losses/colours").doubleValue())
        .isLessThan(summary.at("/before/losses/colours").doubleValue());
    assertThat(Path.of(summary.path("trained").asText())).isDirectoryContaining("glob:**adapter_model.safetensors");
    assertThat(run.err()).isEmpty();
    assertThat(folder.path("elsewhere/run.yaml")).content().contains("seed: 9");
  }
}
