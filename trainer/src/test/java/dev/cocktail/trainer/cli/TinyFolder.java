package dev.cocktail.trainer.cli;

import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.tensor.safetensors.SafetensorsWriter;
import dev.cocktail.trainer.GoldenAdapters;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A folder with all that a run needs, tiny: a model with a byte-level tokenizer and a chat template, data, a run file.
 */
public final class TinyFolder {
  static final String RUN_FILE =
      """
      model: model
      adapter: {r: 2, lora_alpha: 4}
      tasks:
        - {name: colours, train: train.jsonl, validation: validation.jsonl}
      training: {max_steps: 4, max_length: 64, tokens_per_step: 128, learning_rate: 1.0e-3}
      output: out
      """;

  private final Path path;

  private TinyFolder(Path path) {
    this.path = path;
  }

  /** Writes everything, in order; the adapter is one that PEFT made for the model. */
  public static TinyFolder write(Path path) {
    GoldenAdapters.bundled(path);
    try {
      Files.move(path.resolve("phi3_gqa_tiny"), path.resolve("model"));
      Files.move(path.resolve("model/adapter"), path.resolve("adapter"));
      for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
        try (InputStream in = TinyFolder.class.getResourceAsStream("/dev/cocktail/transformer/text/tiny/" + file)) {
          Files.copy(in, path.resolve("model").resolve(file));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var folder = new TinyFolder(path);
    List<String> lines = new ArrayList<>();
    for (String thing : List.of("sky blue", "grass green", "snow white", "coal black", "blood red", "lemon yellow")) {
      String[] parts = thing.split(" ");
      lines.add("{\"prompt\": \"" + parts[0] + ": \", \"completion\": \"" + parts[1] + "\"}");
    }
    folder.write("train.jsonl", String.join("\n", lines));
    folder.write("validation.jsonl", "{\"prompt\": \"sea: \", \"completion\": \"blue\"}");
    folder.write("run.yaml", RUN_FILE);
    return folder;
  }

  /** A study of two targets, a general task and a probe in such a folder: {@code study.yaml}, fourteen runs. */
  static TinyFolder writeStudy(Path path) {
    TinyFolder folder = write(path);
    folder.write(
        "moves.jsonl",
        """
        {"prompt": "gold: ", "completion": "down"}
        {"prompt": "tin: ", "completion": "up"}
        {"prompt": "zinc: ", "completion": "up"}
        """);
    folder.write(
        "moves-validation.jsonl",
        """
        {"prompt": "clay: ", "completion": "down"}
        {"prompt": "wool: ", "completion": "up"}
        {"prompt": "salt: ", "completion": "up"}
        """);
    folder.write("chat.jsonl", "{\"prompt\": \"hello \", \"completion\": \"world\"}\n");
    folder.write(
        "probe.jsonl",
        """
        {"prompt": "one ", "completion": "two"}
        {"prompt": "two ", "completion": "three"}
        """);
    folder.write(
        "study.yaml",
        """
        model: model
        adapter: {r: 2, lora_alpha: 4, lora_dropout: 0.1}
        tasks:
          - {name: colours, train: train.jsonl, validation: validation.jsonl, test: train.jsonl, metric: exact_match}
          - {name: moves, train: moves.jsonl, validation: moves-validation.jsonl, test: moves.jsonl, metric: accuracy, method: likelihood}
          - {name: chat, train: chat.jsonl}
          - {name: facts, train: probe.jsonl, validation: probe.jsonl, test: probe.jsonl, metric: token_probability}
        training: {epochs: 2, max_length: 32, tokens_per_step: 32, learning_rate: 1.0e-2}
        evaluation: {max_new_tokens: 3}
        study: {general: [chat], probes: [facts], families: [all], seeds: 2, controls: [same_steps, general]}
        output: out
        """);
    return folder;
  }

  public Path path(String name) {
    return path.resolve(name);
  }

  String text(String name) {
    try {
      return Files.readString(path(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void write(String name, String text) {
    try {
      Files.writeString(path(name), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Replaces text that must be there. */
  void edit(String name, String from, String to) {
    String before = text(name);
    if (!before.contains(from)) {
      throw new IllegalArgumentException(name + " has no " + from);
    }
    write(name, before.replace(from, to));
  }

  /** Makes the embedding of a letter infinite. */
  void poison(String letter) throws IOException {
    Path weights = path("model/model.safetensors");
    int id = letter.charAt(0); // The tiny tokenizer's first tokens are the bytes.
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    try (SafetensorsFile file = SafetensorsFile.open(weights)) {
      for (String name : file.names()) {
        Tensor copy = Tensor.zerosOnHost(file.tensor(name).dtype(), file.tensor(name).shape());
        copy.segment().copyFrom(file.tensor(name).segment());
        tensors.put(name, copy);
      }
    }
    tensors.get("model.embed_tokens.weight").set(id * 96L, Double.POSITIVE_INFINITY);
    Files.delete(weights);
    SafetensorsWriter.write(weights, tensors, Map.of());
  }

  CommandRun train() {
    return CommandRun.of("train", "--device", "cpu", path("run.yaml").toString());
  }

  CommandRun generate(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("generate", "--device", "cpu", "--model", path("model").toString(), "--max-new-tokens", "3"));
    arguments.addAll(List.of(more));
    return CommandRun.of(arguments.toArray(String[]::new));
  }

  /** Every file with a digest of its bytes: equal before and after where nothing was written. */
  Map<String, String> contents() {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.walk(path)) {
      for (Path file : files.toList()) {
        contents.put(path.relativize(file).toString(), Files.isDirectory(file) ? "folder" : digest(file));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return contents;
  }

  private static String digest(Path file) throws IOException {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
