package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.testing.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Whatever users get wrong ends with one message that says what, where, what was expected and what to do. */
class BadInputTest {
  private static final String WEIGHTS = "model/model.safetensors";

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
  }

  private void assertRefused(CommandRun run, Map<String, String> before, String... says) {
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err().lines().filter(line -> line.startsWith("cocktail: "))).as(run.err()).hasSize(1);
    assertThat(run.err()).contains(says).doesNotContain("\tat ", "Exception");
    assertThat(run.out()).isEmpty();
    assertThat(folder.contents()).isEqualTo(before);
  }

  /** Both commands that load the model refuse it alike. */
  private void assertModelRefused(String... says) {
    Map<String, String> before = folder.contents();
    assertRefused(folder.generate("--prompt", "hello"), before, says);
    assertRefused(folder.train(), before, says);
  }

  private void assertTrainRefused(String... says) {
    Map<String, String> before = folder.contents();
    assertRefused(folder.train(), before, says);
  }

  @Test
  void aPrecisionThatDoesNotExistOrThatTheCpuDoesNotHave() {
    Map<String, String> before = folder.contents();
    assertRefused(
        folder.generate("--prompt", "hello", "--precision", "fp8"),
        before,
        "--precision is 'fp8'",
        "auto, bf16 or f32");
    assertRefused(
        folder.generate("--prompt", "hello", "--precision", "bf16"),
        before,
        "precision bf16 is for GPUs",
        "f32 or auto");
    assertRefused(
        CommandRun.of("merge", "--model", "m", "--adapter", "a", "--out", "o", "--precision", "f32"),
        before,
        "--precision: merge computes in double precision");

    folder.edit("run.yaml", "training: {", "training: {precision: bf16, ");
    assertTrainRefused("precision bf16 is for GPUs", "cpu computes in f32");
    folder.edit("run.yaml", "precision: bf16", "precision: half");
    assertTrainRefused("run.yaml", "precision", "half", "bf16", "f32", "auto");
    folder.edit("run.yaml", "precision: half", "precision: bf16");
    CommandRun.of("train", "--device", "cpu", "--precision", "f32", folder.path("run.yaml").toString()).done();
    assertThat(folder.text("out/run.yaml")).contains("precision: f32");
  }

  @Test
  void aDeviceThatIsNotThere() {
    Map<String, String> before = folder.contents();
    String run = folder.path("run.yaml").toString();
    assertRefused(CommandRun.of("train", "--device", "cpu:1", run), before, "one cpu device", "cpu:1 does not exist");
    assertRefused(CommandRun.of("train", "--device", "gpu", run), before, "unknown device 'gpu'", "cuda", "cpu");
    assertRefused(CommandRun.of("train", "--device", "cuda:x", run), before, "unknown device 'cuda:x'");
    assertRefused(CommandRun.of("train", "--device", "cuda:4096", run), before, "cuda");
    assumeFalse(Files.exists(Path.of("/proc/driver/nvidia/version")), "this machine has NVIDIA's driver");
    assertRefused(
        CommandRun.of("train", "--device", "cuda", run),
        before,
        "no NVIDIA driver",
        "libcuda.so.1",
        "install its driver");
  }

  @Test
  void whatTheseTestsBreakIsInOrder() {
    folder.generate("--prompt", "hello").done();
    folder.train().done();
    assertThat(folder.path("out/adapter/adapter_model.safetensors")).exists();
  }

  @Test
  void aTokenizerThatMakesTokensTheModelDoesNotHave() {
    StringBuilder tokens = new StringBuilder();
    for (int id = 284; id < 520; id++) {
      tokens
          .append(", {\"id\": ")
          .append(id)
          .append(", \"content\": \"<")
          .append(id)
          .append(">\", \"single_word\": false, ")
          .append("\"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}");
    }
    folder.edit("model/tokenizer.json", " ],\n \"normalizer\": null", tokens + " ],\n \"normalizer\": null");
    folder.edit("train.jsonl", "green", "<519>");
    assertTrainRefused("train.jsonl:2", "token 519", "vocabulary", "tokenizer.json");
  }

  @Test
  void missingWeights() throws IOException {
    Files.delete(folder.path(WEIGHTS));
    assertModelRefused(folder.path("model").toString(), "model.safetensors");
  }

  @Test
  void missingModel() {
    folder.edit("run.yaml", "model: model", "model: modle");
    assertTrainRefused(folder.path("modle").toString(), "config.json");
  }

  @Test
  void truncatedWeights() throws IOException {
    byte[] bytes = Files.readAllBytes(folder.path(WEIGHTS));
    Files.write(folder.path(WEIGHTS), Arrays.copyOf(bytes, bytes.length - 100));
    assertModelRefused(folder.path(WEIGHTS).toString());
  }

  @Test
  void oversizedHeader() throws IOException {
    byte[] bytes = Files.readAllBytes(folder.path(WEIGHTS));
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 100_000_001);
    Files.write(folder.path(WEIGHTS), bytes);
    assertModelRefused(folder.path(WEIGHTS).toString(), "100");
  }

  @Test
  void lyingHeader() throws IOException {
    byte[] header =
        "{\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,8]}}"
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + header.length + 8).order(ByteOrder.LITTLE_ENDIAN);
    Files.write(folder.path(WEIGHTS), file.putLong(header.length).put(header).array());
    assertModelRefused(folder.path(WEIGHTS).toString(), "lm_head.weight", "8", "16");
  }

  @Test
  void pointerInTheWeightsPlace() {
    folder.write(WEIGHTS, "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 7642159104\n");
    assertModelRefused(folder.path(WEIGHTS).toString(), "git-lfs pointer", "git lfs pull");
  }

  @Test
  void absentShard() throws IOException {
    Files.delete(folder.path(WEIGHTS));
    folder.write(
        "model/model.safetensors.index.json",
        "{\"weight_map\": {\"lm_head.weight\": \"model-00002-of-00002.safetensors\"}}");
    assertModelRefused("model.safetensors.index.json", "model-00002-of-00002.safetensors");
  }

  @Test
  void unknownArchitecture() {
    folder.edit("model/config.json", "Phi3ForCausalLM", "LlamaForCausalLM");
    assertModelRefused(folder.path("model/config.json").toString(), "LlamaForCausalLM", "Phi3ForCausalLM");
  }

  @Test
  void unknownRopeType() {
    folder.edit("model/config.json", "\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}");
    assertModelRefused(folder.path("model/config.json").toString(), "yarn", "longrope");
  }

  @Test
  void tensorOfTheWrongShape() {
    folder.edit("model/config.json", "\"intermediate_size\": 256", "\"intermediate_size\": 255");
    assertModelRefused(folder.path(WEIGHTS).toString(), "model.layers.0.mlp.", "[510, 96]", "[512, 96]");
  }

  @Test
  void missingTensor() {
    folder.edit("model/config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4");
    assertModelRefused(folder.path("model").toString(), "model.layers.3.");
  }

  @Test
  void targetThatTheModelDoesNotHave() {
    folder.edit("run.yaml", "lora_alpha: 4", "lora_alpha: 4, target_modules: [qkv_proj, gate_proj]");
    assertTrainRefused("target_modules", "'gate_proj'", "gate_up_proj");
  }

  @Test
  void adapterOfAnotherModel() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(
        "base_model.model.model.layers.0.mlp.gate_proj.lora_A.weight", Tensor.zerosOnHost(DType.F32, Shape.of(4, 96)));
    tensors.put(
        "base_model.model.model.layers.0.mlp.gate_proj.lora_B.weight", Tensor.zerosOnHost(DType.F32, Shape.of(256, 4)));
    SafetensorsWriter.write(folder.path("adapter/adapter_model.safetensors"), tensors, Map.of());
    folder.write(
        "adapter/adapter_config.json",
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"target_modules\": [\"gate_proj\"]}");
    Map<String, String> before = folder.contents();
    String adapter = folder.path("adapter").toString();
    assertRefused(
        folder.generate("--prompt", "hello", "--adapter", adapter),
        before,
        adapter,
        "gate_proj",
        "model.layers.0.mlp.gate_up_proj");
    assertRefused(
        CommandRun.of(
            "merge",
            "--model",
            folder.path("model").toString(),
            "--adapter",
            adapter,
            "--out",
            folder.path("merged").toString()),
        before,
        adapter,
        "gate_proj",
        "model.layers.0.mlp.gate_up_proj");
  }

  @Test
  void tracesOverTheModelOrAFolder() {
    String model = folder.path("model").toString();
    folder.write("tokens.json", "{\"input_ids\": [[1, 2]]}");
    Map<String, String> before = folder.contents();
    for (String out : new String[] {model, folder.path("model/model.safetensors").toString()}) {
      assertRefused(
          CommandRun.of("trace", "--model", model, "--tokens", folder.path("tokens.json").toString(), "--out", out),
          before,
          "--out",
          out);
    }
  }

  @Test
  void absentAdapter() {
    Map<String, String> before = folder.contents();
    assertRefused(
        folder.generate("--prompt", "hello", "--adapter", folder.path("model").toString()),
        before,
        "adapter_model.safetensors",
        "model's folder");
  }

  @TestFactory
  Stream<DynamicTest> wrongLines() {
    Map<String, String[]> lines = new LinkedHashMap<>();
    lines.put("{\"prompt\": \"a\", \"completion\": ", new String[] {"JSON"});
    lines.put("{\"prompt\": \"a\"}", new String[] {"\"completion\" is missing"});
    lines.put("{\"question\": \"a\", \"answer\": \"b\"}", new String[] {"[answer, question]", "\"messages\""});
    lines.put("{\"prompt\": \"a\", \"completion\": 7}", new String[] {"\"completion\"", "7"});
    lines.put("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}", new String[] {"assistant"});
    lines.put("{\"messages\": [{\"role\": \"bot\", \"content\": \"a\"}]}", new String[] {"\"bot\"", "assistant"});
    String good = folder.text("train.jsonl");
    return lines.entrySet().stream()
        .map(entry ->
            DynamicTest.dynamicTest(
                entry.getKey(),
                () -> {
                  folder.write("train.jsonl", good + "\n" + entry.getKey() + "\n" + good);
                  assertTrainRefused(entry.getValue());
                  assertThat(folder.train().err()).contains(folder.path("train.jsonl") + ":7: ");
                }));
  }

  @Test
  void emptyTask() {
    folder.write("train.jsonl", "\n\n");
    assertTrainRefused(folder.path("train.jsonl").toString(), "empty");
  }

  @Test
  void absentData() {
    folder.edit("run.yaml", "validation.jsonl", "validaton.jsonl");
    assertTrainRefused(folder.path("validaton.jsonl").toString());
  }

  @Test
  void promptLongerThanTheContext() {
    folder.edit("model/config.json", "\"max_position_embeddings\": 4096", "\"max_position_embeddings\": 32");
    folder.edit(
        "model/config.json", "\"original_max_position_embeddings\": 4096", "\"original_max_position_embeddings\": 32");
    Map<String, String> before = folder.contents();
    assertRefused(folder.generate("--prompt", "x".repeat(100)), before, "longer than the context", "32");
    folder.write("train.jsonl", "{\"prompt\": \"" + "x".repeat(40) + "\", \"completion\": \"y\"}");
    assertTrainRefused(folder.path("train.jsonl") + ":1", "32", "prompt");
  }

  @Test
  void exampleThatFitsNoStep() {
    folder.edit("run.yaml", "tokens_per_step: 128", "tokens_per_step: 5");
    assertTrainRefused(folder.path("train.jsonl").toString(), "tokens_per_step", "micro_batch_tokens");
  }

  @Test
  void failingChatTemplate() {
    folder.edit(
        "model/tokenizer_config.json",
        "{% for message in messages %}",
        "{{ raise_exception('no thanks') }}{% for message in messages %}");
    Map<String, String> before = folder.contents();
    assertRefused(folder.generate("--prompt", "hello"), before, "chat template", "no thanks");
    folder.write(
        "train.jsonl",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
            + "{\"role\": \"assistant\", \"content\": \"b\"}]}");
    assertTrainRefused(folder.path("train.jsonl") + ":1", "chat template", "no thanks");
  }

  @Test
  void brokenChatTemplate() {
    folder.edit("model/tokenizer_config.json", "{% endfor %}", "");
    Map<String, String> before = folder.contents();
    assertRefused(folder.generate("--prompt", "hello"), before, "chat template", "tokenizer_config.json");
  }

  @Test
  void misspeltKey() {
    folder.edit("run.yaml", "learning_rate", "learnig_rate");
    assertTrainRefused(folder.path("run.yaml") + ":5", "learnig_rate", "learning_rate");
  }

  @Test
  void valueThatCannotBe() {
    folder.edit("run.yaml", "1.0e-3", "fast");
    assertTrainRefused(folder.path("run.yaml") + ":5", "learning_rate", "fast", "number");
  }

  @Test
  void folderOfAnotherRun() {
    folder.train().done();
    assertTrainRefused("output: " + folder.path("out"), "already holds a run", "another folder");
  }

  @Test
  void nothingToLearn() {
    folder.edit("model/tokenizer_config.json", "'<|assistant|>\\n' + message['content'] + '<|end|>\\n'", "''");
    folder.write(
        "train.jsonl",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"},"
            + "{\"role\": \"assistant\", \"content\": \"b\"}]}");
    assertTrainRefused(folder.path("train.jsonl").toString(), "template");
  }

  @Test
  void everythingToLearn() {
    folder.write("train.jsonl", "{\"prompt\": \"\", \"completion\": \"all of this\"}");
    assertTrainRefused(folder.path("train.jsonl").toString(), "supervised share 1", "prompt");
  }

  @Test
  void lossThatIsNotFinite() throws IOException {
    folder.poison("Z");
    folder.edit("run.yaml", "max_steps: 4", "epochs: 2, seed: 3");
    folder.edit("run.yaml", "tokens_per_step: 128", "tokens_per_step: 24");
    folder.write("train.jsonl", folder.text("train.jsonl") + "\n{\"prompt\": \"Z: \", \"completion\": \"black\"}");
    CommandRun run = folder.train();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.FAILED);
    var matcher = Pattern.compile("step (\\d+): the loss is (NaN|Infinity)").matcher(run.err());
    assertThat(matcher.find()).as(run.err()).isTrue();
    int failed = Integer.parseInt(matcher.group(1));
    assertThat(failed).as("steps before the failure, so that there is something to keep").isGreaterThan(3);
    // The adapter of the last step whose loss is known to be finite.
    assertThat(run.err())
        .contains("up to step " + (failed - 2) + " is in " + folder.path("out/adapter"))
        .doesNotContain("Exception");
    assertThat(folder.text("out/metrics.jsonl").lines().filter(line -> line.contains("\"event\":\"step\"")))
        .hasSize(failed - 1);
    assertAdapterIsGood();
  }

  @Test
  void lossThatExplodes() {
    folder.edit("run.yaml", "lora_alpha: 4", "lora_alpha: 1.0e30");
    folder.edit("run.yaml", "1.0e-3", "1000");
    CommandRun run = folder.train();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.FAILED);
    assertThat(run.err())
        .contains(
            "step 1: the validation loss of colours is",
            "learning_rate",
            "up to step 0 is in " + folder.path("out/adapter"));
    assertAdapterIsGood();
  }

  @Test
  void lossThatExplodesWithNobodyWatching() {
    folder.edit("run.yaml", ", validation: validation.jsonl", "");
    folder.edit("run.yaml", "lora_alpha: 4", "lora_alpha: 1.0e30");
    folder.edit("run.yaml", "1.0e-3", "1000");
    CommandRun run = folder.train();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.FAILED);
    assertThat(run.err()).contains("step 2: the loss is", "up to step 0 is in " + folder.path("out/adapter"));
    assertAdapterIsGood();
  }

  @Test
  void validationLossThatIsNotFinite() throws IOException {
    folder.poison("Z");
    folder.write("validation.jsonl", "{\"prompt\": \"Z: \", \"completion\": \"blue\"}");
    CommandRun run = folder.train();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.FAILED);
    assertThat(run.err()).contains("step 0: the validation loss of colours is", "weights");
    assertAdapterIsGood();
  }

  private void assertAdapterIsGood() {
    Golden.read(folder.path("out/adapter/adapter_model.safetensors"))
        .forEach((name, tensor) -> {
          for (long i = 0; i < tensor.elements(); i++) {
            assertThat(tensor.get(i)).as(name).isFinite();
          }
        });
    folder.generate("--prompt", "hello", "--adapter", folder.path("out/adapter").toString()).done();
  }
}
