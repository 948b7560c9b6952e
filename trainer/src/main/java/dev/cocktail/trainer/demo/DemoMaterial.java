package dev.cocktail.trainer.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Device;
import dev.cocktail.trainer.demo.NewsGrammar.Split;
import dev.cocktail.trainer.scratch.UntrainedModel;
import java.io.ByteArrayOutputStream;
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
  private static final UntrainedModel SHAPE = new UntrainedModel(1024, 128, 352, 4, 4, 2, 512);

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> BASE_FILES =
      List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
  private static final int TOKENIZER_ITEMS = 8000;

  private DemoMaterial() {}

  /**
   * A demo's files as it begins, by their paths in its folder: base model, tasks' data, a run file for every adapter.
   */
  static Map<String, byte[]> demoFiles(DemoSize size) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String file : BASE_FILES) {
      files.put("base/" + file, resource("base/" + file));
    }
    for (DemoTask task : DemoTask.values()) {
      files.put(task.label() + ".train.jsonl", lines(task.items(size.trainItems(), Split.TRAIN)));
      files.put(task.label() + ".validation.jsonl", lines(task.items(size.validationItems(), Split.VALIDATION)));
      files.put(task.label() + ".test.jsonl", lines(task.items(size.testItems(), Split.TEST)));
    }
    String pattern = new String(resource("demo.yaml"), StandardCharsets.UTF_8);
    for (DemoArm arm : DemoArm.all()) {
      arm.runFile().ifPresent(file -> files.put(file, runFile(pattern, arm, size).getBytes(StandardCharsets.UTF_8)));
    }
    return files;
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

  /**
   * Writes what the base model is pretrained from: text, a tokenizer learnt from it, a model with random weights, the
   * run file.
   */
  static void writeBaseMaterial(Path folder, Device device) {
    List<String> paragraphs = BaseText.paragraphs(20_000, 1);
    List<DemoData.Item> conversations = BaseText.conversations(16_000, 2);
    List<DemoData.Item> ranges = BaseText.ranges(16_000, 5);
    write(folder.resolve("paragraphs.train.jsonl"), texts(paragraphs));
    write(folder.resolve("paragraphs.validation.jsonl"), texts(BaseText.paragraphs(200, 3)));
    write(folder.resolve("conversations.train.jsonl"), lines(conversations));
    write(folder.resolve("conversations.validation.jsonl"), lines(BaseText.conversations(200, 4)));
    write(folder.resolve("ranges.train.jsonl"), lines(ranges));
    write(folder.resolve("ranges.validation.jsonl"), lines(BaseText.ranges(200, 6)));
    List<String> texts = new ArrayList<>(paragraphs);
    conversations.forEach(item -> texts.add(item.prompt() + " " + item.completion()));
    ranges.forEach(item -> texts.add(item.prompt() + " " + item.completion()));
    // The tasks' words too: a tokenizer is made for what it will read and write, and knows nothing of which answer is
    // right.
    DemoData.questions(TOKENIZER_ITEMS).forEach(item -> texts.addAll(List.of(item.prompt(), item.completion())));
    SHAPE.write(folder.resolve("untrained"), texts, 1, device);
    write(folder.resolve("pretrain.yaml"), resource("pretrain.yaml"));
  }

  private static byte[] texts(List<String> texts) {
    return lines(texts, text -> Map.of("text", text));
  }

  private static byte[] lines(List<DemoData.Item> items) {
    return lines(
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

  private static <E> byte[] lines(List<E> values, Function<E, Map<String, ?>> toJson) {
    var lines = new ByteArrayOutputStream();
    for (E value : values) {
      lines.writeBytes(json(toJson.apply(value)));
      lines.write('\n');
    }
    return lines.toByteArray();
  }

  private static byte[] json(Object value) {
    try {
      return JSON.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("cannot be written as JSON: " + value.getClass(), e);
    }
  }

  private static void write(Path file, byte[] content) {
    try {
      Files.createDirectories(file.getParent());
      Files.write(file, content);
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
