package dev.cocktail.trainer.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
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

  /** The demo's tasks, in the order of {@code demo.yaml}. */
  static final List<String> TASKS = List.of("sentiment", "price_up");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> BASE_FILES =
      List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
  static final int TRAIN_ITEMS = 2000;
  private static final int VALIDATION_ITEMS = 100;
  private static final int TOKENIZER_ITEMS = 8000;

  private DemoMaterial() {}

  /** Writes the bundled base model, the tasks' data and the run file. */
  static void writeDemo(Path folder) {
    for (String file : BASE_FILES) {
      copyResource("base/" + file, folder.resolve("base").resolve(file));
    }
    writeItems(folder, "sentiment.train", DemoData.sentiment(TRAIN_ITEMS, 11, false));
    writeItems(folder, "sentiment.validation", DemoData.sentiment(VALIDATION_ITEMS, 12, true));
    writeItems(folder, "price_up.train", DemoData.priceUp(TRAIN_ITEMS, 21, false));
    writeItems(folder, "price_up.validation", DemoData.priceUp(VALIDATION_ITEMS, 22, true));
    copyResource("demo.yaml", folder.resolve("demo.yaml"));
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
    List<DemoData.Item> tasks = new ArrayList<>(DemoData.sentiment(TOKENIZER_ITEMS, 11, false));
    tasks.addAll(DemoData.priceUp(TOKENIZER_ITEMS, 21, false));
    tasks.forEach(item -> texts.addAll(List.of(item.prompt(), item.completion())));
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
        item -> Map.of("messages", List.of(message("user", item.prompt()), message("assistant", item.completion()))));
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
    try (InputStream in = DemoMaterial.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("this build lacks the demo's file " + name);
      }
      Files.createDirectories(target.getParent());
      Files.write(target, in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
