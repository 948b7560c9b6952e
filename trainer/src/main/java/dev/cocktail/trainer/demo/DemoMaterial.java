package dev.cocktail.trainer.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Writes what the demo runs on, and what its base model was made from, as the files that any run starts with. */
final class DemoMaterial {
  /** The base model's special tokens; their ids are their places here, as the model's configurations name them. */
  static final List<String> SPECIAL_TOKENS =
      List.of("<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>");

  static final int VOCABULARY = 1024;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> BASE_FILES =
      List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
  private static final int TOKENIZER_ITEMS = 8000;

  private DemoMaterial() {}

  /** Writes the bundled base model, the tasks' data, and a run file for every adapter. */
  static void writeDemo(Path folder, DemoSize size) {
    for (String file : BASE_FILES) {
      copyResource("base/" + file, folder.resolve("base").resolve(file));
    }
    for (DemoTask task : DemoTask.values()) {
      writeItems(folder, task.label() + ".train", task.items(size.trainItems(), Split.TRAIN));
      writeItems(folder, task.label() + ".validation", task.items(size.validationItems(), Split.VALIDATION));
      writeItems(folder, task.label() + ".test", task.items(size.testItems(), Split.TEST));
    }
    String pattern = new String(resource("demo.yaml"), StandardCharsets.UTF_8);
    for (DemoArm arm : DemoArm.all()) {
      arm.runFile().ifPresent(file -> write(folder.resolve(file), runFile(pattern, arm, size)));
    }
  }

  private static String runFile(String pattern, DemoArm arm, DemoSize size) {
    List<String> tasks = new ArrayList<>();
    for (DemoTask task : arm.tasks()) {
      String name = task.label();
      tasks.add(
          "  - {name: %s, train: %s.train.jsonl, validation: %s.validation.jsonl, test: %s.test.jsonl}"
              .formatted(name, name, name, name));
    }
    return pattern
        .replace("ABOUT", arm.tasks().size() == 1 ? "one task alone" : "all tasks together")
        .replace("TASKS", String.join("\n", tasks))
        .replace("STEPS", Integer.toString(size.steps()))
        .replace("TOKENS", Integer.toString(DemoSize.TOKENS_PER_STEP))
        .replace("INTERVAL", Math.max(1, size.steps() / 4) + " steps")
        .replace("OUTPUT", arm.name());
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Writes what the base model is pretrained from: text, a tokenizer learnt from it, a model with random weights, the
   * run file.
   */
  static void writeBaseMaterial(Path folder, Device device) {
    List<String> paragraphs = DemoData.paragraphs(24_000, 1);
    List<DemoData.Item> conversations = DemoData.conversations(24_000, 2);
    writeLines(folder.resolve("paragraphs.train.jsonl"), paragraphs, text -> Map.of("text", text));
    writeLines(
        folder.resolve("paragraphs.validation.jsonl"), DemoData.paragraphs(200, 3), text -> Map.of("text", text));
    writeItems(folder, "conversations.train", conversations);
    writeItems(folder, "conversations.validation", DemoData.conversations(200, 4));
    List<String> texts = new ArrayList<>(paragraphs);
    conversations.forEach(item -> texts.add(item.prompt() + " " + item.completion()));
    // The tasks' words too: a tokenizer is made for what it will read and write, and knows nothing of which answer is
    // right.
    DemoData.questions(TOKENIZER_ITEMS).forEach(item -> texts.addAll(List.of(item.prompt(), item.completion())));
    Path model = folder.resolve("untrained");
    for (String file : List.of("config.json", "generation_config.json", "tokenizer_config.json")) {
      copyResource("untrained/" + file, model.resolve(file));
    }
    try {
      JSON.writeValue(
          model.resolve("tokenizer.json").toFile(), BytePairTrainer.train(texts, SPECIAL_TOKENS, VOCABULARY));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    try (Phi3Model untrained = Phi3Model.random(Phi3Config.read(model), device, DType.BF16, 1)) {
      Map<String, Tensor> weights = new LinkedHashMap<>();
      untrained
          .weights()
          .forEach((name, weight) -> {
            Tensor host = Tensor.zerosOnHost(DType.BF16, weight.value().shape());
            device.copyToHost(host, weight.value());
            weights.put(name, host);
          });
      SafetensorsWriter.write(model.resolve("model.safetensors"), weights, Map.of("format", "pt"));
    }
    copyResource("pretrain.yaml", folder.resolve("pretrain.yaml"));
  }

  private static void writeItems(Path folder, String name, List<DemoData.Item> items) {
    writeLines(
        folder.resolve(name + ".jsonl"),
        items,
        item -> {
          Map<String, Object> line = new LinkedHashMap<>();
          line.put("messages", List.of(message("user", item.prompt()), message("assistant", item.completion())));
          line.put("cluster", item.source());
          return line;
        });
  }

  private static Map<String, String> message(String role, String content) {
    var message = new LinkedHashMap<String, String>();
    message.put("role", role);
    message.put("content", content);
    return message;
  }

  private static <E> void writeLines(Path file, List<E> values, Function<E, Map<String, ?>> toJson) {
    try {
      Files.createDirectories(file.getParent());
      List<String> lines = new ArrayList<>();
      for (E value : values) {
        lines.add(JSON.writeValueAsString(toJson.apply(value)));
      }
      Files.write(file, lines);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void copyResource(String name, Path target) {
    try {
      Files.createDirectories(target.getParent());
      Files.write(target, resource(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] resource(String name) {
    try (InputStream in = DemoMaterial.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("this build lacks the demo's file " + name);
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
