package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.testing.SharedFiles;
import dev.cocktail.trainer.cli.CommandRun;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.TaskSection;
import dev.cocktail.trainer.data.ExampleEncoder;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.Packer;
import dev.cocktail.trainer.data.TaskData;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.text.ChatEncoder;
import dev.cocktail.transformer.text.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real pretrained weights learn two real tasks at once, from the run file to an adapter that answers the same. */
class MainJobTest {
  private static final String ADAPTER = "adapter_model.safetensors";

  @TempDir static Path folder;

  @BeforeAll
  static void write() throws IOException {
    FinanceTasks.write(
        SharedFiles.require("data/weights/stories260K-phi3"),
        SharedFiles.require("data/finance/phrasebank/Sentences_AllAgree.txt"),
        SharedFiles.require("data/finance/tfns/sent_train.csv"),
        folder);
  }

  /** The run file with other values, each {@code key: value} replacing the line or the part of one that has the key. */
  private static RunFile run(String name, String... changes) throws IOException {
    String text = Files.readString(folder.resolve("run.yaml")).replace("output: run", "output: " + name);
    for (String change : changes) {
      String key = change.substring(0, change.indexOf(':'));
      String pattern = "\\b" + key + ": [^,}\n]+";
      text =
          text.matches("(?s).*" + pattern + ".*")
              ? text.replaceFirst(pattern, change)
              : text.replaceFirst("  max_length:", "  " + change + "\n  max_length:");
    }
    return RunFile.parse(text, name, folder, name);
  }

  /** A few steps, with dropout, so that what they cost is little and all that is random takes part. */
  private static RunFile shortRun(String name, String... changes) throws IOException {
    List<String> all = new ArrayList<>(List.of("epochs: 0.15", "lora_alpha: 16, lora_dropout: 0.1", "every: never"));
    all.addAll(List.of(changes));
    return run(name, all.toArray(String[]::new));
  }

  private static FineTuning.Result train(RunFile run, int threads) {
    try (var device = new CpuDevice(threads)) {
      return FineTuning.of(run, device).run();
    }
  }

  @Test
  void everyTasksValidationLossFallsAndTheAdapterReloadsToTheSameNumbers() throws IOException {
    requireDisjoint();
    RunFile run = run("main", "epochs: 0.5");
    FineTuning.Result result = train(run, 2);

    Scores before = result.before().orElseThrow();
    Scores last = result.last().validation().orElseThrow();
    assertThat(before.losses().keySet()).containsExactly("phrasebank", "tweets");
    // What remains is mostly the end of each answer: this model never saw its end token, whose embedding is that of
    // some
    // hundred other tokens it never saw, and what an adapter computes cannot tell equal embeddings apart.
    last.losses().forEach((task, loss) -> assertThat(loss).as(task).isLessThan(0.15 * before.losses().get(task)));
    assertThat(reloaded(run, result.trained())).isEqualTo(last.losses());

    List<JsonNode> events = events(result.folder());
    assertThat(events.stream().filter(event -> event.path("event").asText().equals("step")))
        .hasSize(result.steps())
        .allSatisfy(event -> assertThat(event.path("tasks").size()).isEqualTo(2));
    assertThat(events.getLast().at("/tasks/tweets/loss").doubleValue()).isEqualTo(last.losses().get("tweets"));
  }

  @Test
  void theUntrainedModelContinuesAsItsMakersDoes() throws IOException {
    Path model = SharedFiles.require("data/weights/stories260K-phi3");
    JsonNode expected = new ObjectMapper().readTree(model.resolve("expected-greedy.json").toFile());
    Path prompt = folder.resolve("prompt.json");
    Files.writeString(prompt, "[" + expected.required("prompt_ids") + "]");
    JsonNode answer =
        CommandRun.of(
                "generate",
                "--device",
                "cpu",
                "--json",
                "--model",
                model.toString(),
                "--tokens",
                prompt.toString(),
                "--max-new-tokens",
                String.valueOf(expected.required("greedy_ids").size()))
            .done()
            .json();
    assertThat(expected.required("greedy_ids").size()).isEqualTo(200);
    assertThat(answer.required("ids")).isEqualTo(expected.required("greedy_ids"));
  }

  /** The losses of the validation sets under the saved adapter. */
  private static Map<String, Double> reloaded(RunFile run, Path adapter) {
    try (var device = new CpuDevice(2);
        Phi3Model model = Phi3Model.load(run.model(), device);
        Tokenizer tokenizer = Tokenizer.load(run.model());
        var trained = LoraTrainable.load(model, adapter)) {
      var encoder =
          new ExampleEncoder(ChatEncoder.of(tokenizer), run.training().maxLength(), ExampleEncoder.TooLong.ERROR);
      List<MicroBatch.Sequence> sequences = new ArrayList<>();
      for (int task = 0; task < run.tasks().size(); task++) {
        TaskSection section = run.tasks().get(task);
        int number = task;
        TaskData.load(section.name(), section.validationSource().orElseThrow(), encoder)
            .examples()
            .forEach(example -> sequences.add(new MicroBatch.Sequence(number, example)));
      }
      int tokens = run.evaluation().tokensAtOnce(run.training());
      List<TaskLoss> losses =
          new TrainingStep(model, run.tasks().size(), false)
              .evaluate(new Packer(tokens, tokens).microBatches(sequences), trained.inference(), () -> {});
      return Map.of("phrasebank", losses.get(0).mean(), "tweets", losses.get(1).mean());
    }
  }

  private static void requireDisjoint() throws IOException {
    for (String task : List.of("phrasebank", "tweets")) {
      List<String> held = Files.readAllLines(folder.resolve(task + ".validation.jsonl"));
      List<String> learnt = Files.readAllLines(folder.resolve(task + ".train.jsonl"));
      assertThat(held).hasSizeGreaterThan(100).doesNotHaveDuplicates().doesNotContainAnyElementsOf(learnt);
      assertThat(learnt).hasSizeGreaterThan(300).doesNotHaveDuplicates();
    }
  }

  private static List<JsonNode> events(Path run) throws IOException {
    var mapper = new ObjectMapper();
    List<JsonNode> events = new ArrayList<>();
    for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
      events.add(mapper.readTree(line));
    }
    return events;
  }

  @Test
  void sameSeedSameBitsForAnyNumberOfThreadsAndRecomputedLayers() throws IOException {
    assertThat(shortRun("two").adapter().loraDropout()).isEqualTo(0.1);
    byte[] two = adapterOf(train(shortRun("two"), 2));
    assertThat(adapterOf(train(shortRun("one"), 1))).isEqualTo(two);
    assertThat(adapterOf(train(shortRun("recomputed", "checkpoint_layers: true"), 2))).isEqualTo(two);
    assertThat(adapterOf(train(shortRun("other seed", "seed: 43"), 2))).isNotEqualTo(two);
  }

  private static byte[] adapterOf(FineTuning.Result result) throws IOException {
    return Files.readAllBytes(result.trained().resolve(ADAPTER));
  }

  /** No dropout here: its numbers belong to a place in a micro-batch. */
  @Test
  void anySplitIntoMicroBatchesAgrees() throws IOException {
    List<FineTuning.Result> results =
        Stream.of("2048", "600", "256")
            .map(tokens -> {
              try {
                return train(shortRun("split " + tokens, "lora_dropout: 0.0", "micro_batch_tokens: " + tokens), 2);
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            })
            .toList();
    Map<String, Tensor> whole = Golden.read(results.getFirst().trained().resolve(ADAPTER));
    for (FineTuning.Result split : results.subList(1, 3)) {
      assertThat(split.steps()).isEqualTo(results.getFirst().steps());
      losses(split)
          .forEach((task, loss) -> {
            double expected = losses(results.getFirst()).get(task);
            assertThat(loss).as(task).isCloseTo(expected, within(1e-4 * expected));
          });
      Map<String, Tensor> found = Golden.read(split.trained().resolve(ADAPTER));
      assertThat(relativeDistance(found, whole)).isLessThan(1e-3);
    }
  }

  private static Map<String, Double> losses(FineTuning.Result result) {
    return result.last().validation().orElseThrow().losses();
  }

  private static double relativeDistance(Map<String, Tensor> found, Map<String, Tensor> expected) {
    double squares = 0;
    double reference = 0;
    for (var entry : expected.entrySet()) {
      for (long i = 0; i < entry.getValue().elements(); i++) {
        double value = entry.getValue().get(i);
        squares += Math.pow(found.get(entry.getKey()).get(i) - value, 2);
        reference += value * value;
      }
    }
    return Math.sqrt(squares / reference);
  }
}
