package dev.cocktail.trainer.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.safetensors.Checkpoint;
import dev.cocktail.tensor.safetensors.TensorInfo;
import dev.cocktail.transformer.Phi3Config;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a checkpoint holds.
 *
 * @param path what was inspected
 * @param kind {@code model}, {@code adapter} or {@code safetensors}
 * @param files the safetensors files
 * @param configuration the main facts of the folder's configuration, in the order worth reading
 * @param notes what a user should know, such as an architecture that the engine cannot run
 * @param metadata free texts of the first file's header
 * @param tensors all tensors, names in natural order
 * @param totals sums by element type
 * @param parameters number of elements of all tensors
 * @param bytes size of all tensors
 */
record Inspection(
    String path,
    String kind,
    List<String> files,
    Map<String, Object> configuration,
    List<String> notes,
    Map<String, String> metadata,
    List<TensorInfo> tensors,
    Map<String, Total> totals,
    long parameters,
    long bytes) {
  private static final String ADAPTER_CONFIG = "adapter_config.json";
  private static final String ADAPTER_WEIGHTS = "adapter_model.safetensors";

  private static final List<String> ADAPTER_KEYS =
      List.of(
          "peft_type",
          "base_model_name_or_path",
          "r",
          "lora_alpha",
          "lora_dropout",
          "use_rslora",
          "use_dora",
          "target_modules",
          "modules_to_save",
          "task_type");

  private static final List<String> OTHER_MODEL_KEYS =
      List.of("architectures", "model_type", "hidden_size", "num_hidden_layers", "vocab_size");

  /** Sums over the tensors of one element type. */
  record Total(int tensors, long elements, long bytes) {
    Total plus(TensorInfo tensor) {
      return new Total(tensors + 1, elements + tensor.elements(), bytes + tensor.bytes());
    }
  }

  /**
   * Inspects a model's or adapter's folder, a safetensors file or an index of shards.
   *
   * @throws InvalidInputException when there is nothing to inspect or a file breaks its format
   */
  static Inspection of(Path path) {
    if (!Files.exists(path)) {
      throw new InvalidInputException(
          path + " does not exist; give a model's or adapter's folder, or a safetensors file");
    }
    boolean adapter = Files.isDirectory(path) && isAdapter(path);
    boolean model = Files.isDirectory(path) && !adapter;
    List<String> notes = new ArrayList<>();
    Map<String, Object> configuration = new LinkedHashMap<>();
    if (adapter) {
      configuration.putAll(pick(path.resolve(ADAPTER_CONFIG), ADAPTER_KEYS, notes));
    } else if (model) {
      configuration.putAll(modelConfiguration(path, notes));
    }
    try (var checkpoint = Checkpoint.open(adapter ? path.resolve(ADAPTER_WEIGHTS) : path)) {
      List<TensorInfo> tensors =
          checkpoint.names().stream().sorted(NaturalOrder.INSTANCE).map(checkpoint::info).toList();
      Map<String, Total> totals = new TreeMap<>();
      for (TensorInfo tensor : tensors) {
        totals.put(tensor.dtype(), totals.getOrDefault(tensor.dtype(), new Total(0, 0, 0)).plus(tensor));
      }
      return new Inspection(
          path.toString(),
          adapter ? "adapter" : model ? "model" : "safetensors",
          checkpoint.files().stream().map(Path::toString).toList(),
          configuration,
          notes,
          checkpoint.metadata(),
          tensors,
          totals,
          totals.values().stream().mapToLong(Total::elements).sum(),
          totals.values().stream().mapToLong(Total::bytes).sum());
    }
  }

  private static boolean isAdapter(Path folder) {
    return Files.exists(folder.resolve(ADAPTER_WEIGHTS)) || Files.exists(folder.resolve(ADAPTER_CONFIG));
  }

  private static Map<String, Object> modelConfiguration(Path folder, List<String> notes) {
    Path file = folder.resolve("config.json");
    if (!Files.exists(file)) {
      notes.add("there is no config.json, so this is not a complete Hugging Face model");
      return Map.of();
    }
    try {
      return facts(Phi3Config.read(folder));
    } catch (InvalidInputException e) {
      notes.add("this engine cannot run the model: " + e.getMessage());
      return pick(file, OTHER_MODEL_KEYS, notes);
    }
  }

  private static Map<String, Object> facts(Phi3Config config) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("architecture", Phi3Config.ARCHITECTURE);
    facts.put("layers", config.layers());
    facts.put("hidden_size", config.hiddenSize());
    facts.put("intermediate_size", config.intermediateSize());
    facts.put("heads", config.heads());
    facts.put("kv_heads", config.kvHeads());
    facts.put("head_dim", config.headDim());
    facts.put("vocabulary", config.vocabSize());
    facts.put("context", config.maxPositions());
    config.slidingWindow().ifPresent(window -> facts.put("sliding_window", window));
    facts.put("rotary_dim", config.rope().rotaryDim());
    facts.put("tied_embeddings", config.tiedEmbeddings());
    facts.put("eos_ids", config.eosIds());
    return facts;
  }

  /** The given keys of a JSON file, where they are set. */
  private static Map<String, Object> pick(Path file, List<String> keys, List<String> notes) {
    Map<String, Object> found = new LinkedHashMap<>();
    var mapper = new ObjectMapper();
    try {
      JsonNode json = mapper.readTree(file.toFile());
      for (String key : keys) {
        if (json.hasNonNull(key)) {
          found.put(key, mapper.convertValue(json.get(key), Object.class));
        }
      }
    } catch (IOException e) {
      notes.add(file + " cannot be read as JSON: " + firstLine(e));
    }
    return found;
  }

  private static String firstLine(IOException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
