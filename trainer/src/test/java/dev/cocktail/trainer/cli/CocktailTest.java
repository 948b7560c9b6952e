package dev.cocktail.trainer.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CocktailTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    return Cocktail.run(new PrintWriter(out), new PrintWriter(err), arguments);
  }

  @Test
  void helpListsTheCommands() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("inspect", "doctor");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void everyCommandExplainsItself() {
    for (String command : Cocktail.commandLine().getSubcommands().keySet()) {
      out.getBuffer().setLength(0);
      assertThat(run(command, "--help")).as(command).isZero();
      assertThat(out.toString()).as(command).contains("Usage: cocktail " + command);
    }
  }

  @Test
  void theHelpOfTrainListsTheKeysOfTheRunFile() {
    assertThat(run("train", "--help")).isZero();
    assertThat(out.toString()).contains("training.learning_rate", "2.0e-4", "tasks[].train");
  }

  @Test
  void noCommandIsWrongInput() {
    assertThat(run()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("cocktail: a command is missing", "cocktail --help");
  }

  @Test
  void misspeltCommandNamesTheNearest() {
    assertThat(run("docter")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("'docter'", "doctor").doesNotContain("\tat ");
  }

  @Test
  void misspeltOptionNamesTheNearest() {
    assertThat(run("inspect", "--jsn", "x")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("'--jsn'", "--json", "Try 'cocktail inspect --help'.");
  }

  @Test
  void valueOfTheWrongTypeIsWrongInput() {
    assertThat(run("doctor", "--seed", "many")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--seed", "many");
  }

  @Test
  void invalidInputIsOneMessage(@TempDir Path folder) {
    assertThat(run("inspect", folder.resolve("absent").toString())).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString().lines()).singleElement().asString().startsWith("cocktail: ").contains("absent");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void inspectShowsTensorsInNaturalOrder(@TempDir Path folder) throws IOException {
    Path file = writeSample(folder);

    assertThat(run("inspect", file.toString())).isZero();

    String text = out.toString();
    assertThat(text.indexOf("layers.2.")).isPositive().isLessThan(text.indexOf("layers.10."));
    assertThat(text).contains("note", "hello", "2 tensors", "9 parameters", "[2, 3]", "36 bytes");
  }

  @Test
  void inspectPrintsJson(@TempDir Path folder) throws IOException {
    Path file = writeSample(folder);

    assertThat(run("inspect", "--json", file.toString())).isZero();

    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("kind").asText()).isEqualTo("safetensors");
    assertThat(json.get("parameters").asLong()).isEqualTo(9);
    assertThat(json.get("bytes").asLong()).isEqualTo(36);
    assertThat(json.at("/tensors/0/name").asText()).isEqualTo("layers.2.weight");
    assertThat(json.at("/tensors/1/shape").toString()).isEqualTo("[2,3]");
    assertThat(json.at("/totals/F32/elements").asLong()).isEqualTo(9);
  }

  @Test
  void inspectSaysWhatAnUnsupportedModelIs(@TempDir Path folder) throws IOException {
    Files.move(writeSample(folder), folder.resolve("model.safetensors"));
    Files.writeString(folder.resolve("config.json"), "{\"architectures\": [\"OtherForCausalLM\"]}", UTF_8);

    assertThat(run("inspect", folder.toString())).isZero();

    assertThat(out.toString()).contains("note: this engine cannot run the model", "OtherForCausalLM");
  }

  @Test
  void inspectSummarisesAnAdapter(@TempDir Path folder) throws IOException {
    Files.move(writeSample(folder), folder.resolve("adapter_model.safetensors"));
    Files.writeString(
        folder.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":7,\"bias\":\"none\"}", UTF_8);

    assertThat(run("inspect", "--json", folder.toString())).isZero();

    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.get("kind").asText()).isEqualTo("adapter");
    assertThat(json.at("/configuration/r").asInt()).isEqualTo(7);
    assertThat(json.at("/configuration").has("bias")).isFalse();
  }

  @Test
  void doctorReportsTheMachine() throws IOException {
    run("doctor", "--json");

    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.at("/vector/moduleOn").asBoolean()).isTrue();
    assertThat(json.at("/vector/bits").asInt()).isBetween(64, 2048);
    List<String> kinds = new ArrayList<>();
    json.at("/devices")
        .forEach(device -> {
          kinds.add(device.at("/kind").asText());
          assertThat(device.at("/available").isEmpty()).isEqualTo(!device.at("/unavailableReason").asText().isEmpty());
          assertThat(device.at("/details").isArray()).isTrue();
        });
    assertThat(kinds).containsExactly("cuda", "cpu");
    assertThat(json.at("/system/threads").asInt()).isPositive();
    assertThat(json.at("/verdict/asked").asText()).isEqualTo("auto");
  }

  @Test
  void doctorJudgesTheDeviceThatIsNamed() throws IOException {
    run("doctor", "--json", "--device", "cpu");
    JsonNode json = new ObjectMapper().readTree(out.toString());
    assertThat(json.at("/verdict/taken").asText()).isEqualTo("cpu");
    assertThat(json.at("/verdict/told/0").asText()).startsWith("device cpu: ");

    for (List<String> refused : List.of(List.of("cpu", "bf16"), List.of("cuda:99", "auto"))) {
      out.getBuffer().setLength(0);
      assertThat(run("doctor", "--device", refused.getFirst(), "--precision", refused.getLast()))
          .isEqualTo(CocktailCommand.INVALID_INPUT);
      assertThat(out.toString())
          .contains("--device " + refused.getFirst() + " cannot be used")
          .contains("problem: --device " + refused.getFirst())
          .doesNotContain("all is well");
    }
  }

  @Test
  void noCommandTakesAnUnknownDevice() {
    for (String command : List.of("doctor", "inspect", "merge", "train", "eval", "generate", "trace")) {
      for (String name : List.of("gpu", "cuda:", "cuda:-1", "CUDA")) {
        err.getBuffer().setLength(0);
        List<String> needed =
            switch (command) {
              case "inspect", "train" -> List.of("somewhere");
              case "merge" -> List.of("--model", "a", "--adapter", "b", "--out", "c");
              case "generate" -> List.of("--model", "a", "--prompt", "b");
              case "trace" -> List.of("--model", "a", "--tokens", "b", "--out", "c");
              default -> List.of();
            };
        List<String> arguments = new ArrayList<>(List.of(command, "--device", name));
        arguments.addAll(needed);
        assertThat(run(arguments.toArray(String[]::new))).as(arguments.toString()).isEqualTo(2);
        assertThat(err.toString()).contains("unknown device '" + name + "'");
      }
    }
  }

  private static Path writeSample(Path folder) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("layers.10.weight", Tensor.ofFloats(Shape.of(2, 3), 1, 2, 3, 4, 5, 6));
    tensors.put("layers.2.weight", Tensor.ofFloats(Shape.of(3), 1, 2, 3));
    Path file = folder.resolve("sample.safetensors");
    SafetensorsWriter.write(file, tensors, Map.of("note", "hello"));
    return file;
  }
}
