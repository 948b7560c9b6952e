package dev.cocktail.lora;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cocktail.lora.AdapterConfig.Initialisation;
import dev.cocktail.lora.TargetModules.Selection;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.JsonProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * PEFT's {@code adapter_config.json}. A key that would change the numbers and is not supported is refused by name,
 * unless it is switched off.
 */
final class AdapterConfigJson {
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Keys that a field of {@link AdapterConfig} holds, and those whose one supported value is written always. */
  private static final Set<String> KNOWN =
      Set.of(
          "peft_type",
          "task_type",
          "r",
          "lora_alpha",
          "lora_dropout",
          "use_rslora",
          "use_dora",
          "target_modules",
          "exclude_modules",
          "layers_to_transform",
          "layers_pattern",
          "rank_pattern",
          "alpha_pattern",
          "bias",
          "modules_to_save",
          "fan_in_fan_out",
          "init_lora_weights",
          "base_model_name_or_path",
          "inference_mode");

  /** What else PEFT knows and this engine does not compute. */
  private static final Map<String, String> UNSUPPORTED =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("modules_to_save", "modules trained whole beside the adapter"),
              Map.entry("fan_in_fan_out", "transposed weights"),
              Map.entry("lora_bias", "biases on B"),
              Map.entry("layer_replication", "repeated layers"),
              Map.entry("trainable_token_indices", "trained token embeddings"),
              Map.entry("target_parameters", "adapters on bare parameters"),
              Map.entry("alora_invocation_tokens", "activated LoRA"),
              Map.entry("use_qalora", "QA-LoRA"),
              Map.entry("use_bdlora", "block-diagonal LoRA"),
              Map.entry("arrow_config", "Arrow routing"),
              Map.entry("velora_config", "VeLoRA"),
              Map.entry("kasa_config", "KaSA"),
              Map.entry("monteclora_config", "MonteCLoRA"),
              Map.entry("megatron_config", "Megatron's parallel layers")));

  /** Keys without influence on the numbers of an adapter that exists. */
  private static final Set<String> HARMLESS =
      Set.of(
          "auto_mapping",
          "revision",
          "peft_version",
          "megatron_core",
          "qalora_group_size",
          "loftq_config",
          "eva_config",
          "corda_config",
          "lora_ga_config",
          "ensure_weight_tying",
          "runtime_config");

  private AdapterConfigJson() {}

  static AdapterConfig read(Path folderOrFile) {
    Path file = Files.isDirectory(folderOrFile) ? folderOrFile.resolve(AdapterConfig.FILE) : folderOrFile;
    try {
      return parse(JSON.readTree(Files.readAllBytes(file)), file.toString());
    } catch (NoSuchFileException e) {
      throw new InvalidInputException(
          file + " does not exist; an adapter's folder holds " + AdapterConfig.FILE + " and " + AdapterFile.FILE, e);
    } catch (JsonProcessingException e) {
      throw new InvalidInputException(file + ": not valid JSON: " + JsonProblem.of(e), e);
    } catch (IOException e) {
      throw new InvalidInputException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  static AdapterConfig parse(JsonNode json, String where) {
    if (!json.isObject()) {
      throw new InvalidInputException(where + ": expected a JSON object");
    }
    return new Reader(json, where).read();
  }

  /** The configuration as PEFT writes it, keys sorted, with the given target names. */
  static String format(AdapterConfig config, List<String> targetNames) {
    Map<String, JsonNode> keys = new TreeMap<>(config.otherKeys());
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    keys.put("peft_type", nodes.textNode("LORA"));
    keys.put("task_type", nodes.textNode("CAUSAL_LM"));
    keys.put("r", nodes.numberNode(config.rank()));
    keys.put("lora_alpha", number(config.alpha()));
    keys.put("lora_dropout", nodes.numberNode(config.dropout()));
    keys.put("use_rslora", nodes.booleanNode(config.rankStabilised()));
    keys.put("use_dora", nodes.booleanNode(config.dora()));
    keys.put("bias", nodes.textNode("none"));
    keys.put("fan_in_fan_out", nodes.booleanNode(false));
    keys.put("inference_mode", nodes.booleanNode(true));
    keys.put(
        "init_lora_weights",
        config.initialisation() == Initialisation.GAUSSIAN ? nodes.textNode("gaussian") : nodes.booleanNode(true));
    keys.put(
        "base_model_name_or_path", config.baseModel() == null ? nodes.nullNode() : nodes.textNode(config.baseModel()));
    keys.put("modules_to_save", nodes.nullNode());
    keys.put("target_modules", JSON.valueToTree(targetNames));
    // The names already say which layers, and leave out what is excluded.
    keys.put("exclude_modules", nodes.nullNode());
    keys.put("layers_to_transform", nodes.nullNode());
    keys.put("layers_pattern", nodes.nullNode());
    keys.put("rank_pattern", JSON.valueToTree(config.rankPattern()));
    ObjectNode alphas = nodes.objectNode();
    config.alphaPattern().forEach((pattern, alpha) -> alphas.set(pattern, number(alpha)));
    keys.put("alpha_pattern", alphas);
    ObjectNode root = nodes.objectNode();
    root.setAll(keys);
    return root.toPrettyString() + "\n";
  }

  private static JsonNode number(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1 << 30
        ? JsonNodeFactory.instance.numberNode((int) value)
        : JsonNodeFactory.instance.numberNode(value);
  }

  private record Reader(JsonNode json, String where) {
    AdapterConfig read() {
      requireText("peft_type", "LORA", true);
      requireText("task_type", "CAUSAL_LM", false);
      requireText("bias", "none", false);
      UNSUPPORTED.forEach((key, meaning) -> {
        if (isSwitchedOn(json.path(key))) {
          throw refuse(key, "asks for " + meaning + ", which is not supported");
        }
      });
      try {
        return new AdapterConfig(
            integer("r", json.path("r"), 8),
            number("lora_alpha", json.path("lora_alpha"), 8),
            number("lora_dropout", json.path("lora_dropout"), 0),
            flag("use_rslora"),
            flag("use_dora"),
            targets(),
            integers("rank_pattern"),
            numbers("alpha_pattern"),
            initialisation(),
            text("base_model_name_or_path"),
            otherKeys());
      } catch (InvalidInputException e) {
        throw e.getMessage().startsWith(where) ? e : new InvalidInputException(where + ": " + e.getMessage(), e);
      }
    }

    private void requireText(String key, String only, boolean required) {
      JsonNode value = json.path(key);
      if (value.isMissingNode() || value.isNull()) {
        if (required) {
          throw refuse(key, "is missing; expected \"" + only + "\"");
        }
        return;
      }
      if (!value.isTextual() || !value.textValue().equalsIgnoreCase(only)) {
        throw refuse(key, "is " + value + "; only \"" + only + "\" is supported");
      }
    }

    /** Null, false, zero and the empty switch nothing on. */
    private static boolean isSwitchedOn(JsonNode value) {
      if (value.isContainerNode()) {
        return !value.isEmpty();
      }
      if (value.isNumber() && value.doubleValue() == 0 || value.isTextual() && value.textValue().isEmpty()) {
        return false;
      }
      return !value.isMissingNode() && !value.isNull() && !(value.isBoolean() && !value.booleanValue());
    }

    private TargetModules targets() {
      Selection targets = selection("target_modules");
      if (targets.isEmpty()) {
        throw refuse(
            "target_modules",
            "names no module; expected a list of names, a pattern, or \"" + TargetModules.ALL_LINEAR + "\"");
      }
      JsonNode layers = json.path("layers_to_transform");
      List<Integer> numbers = new ArrayList<>();
      for (JsonNode layer : layers.isArray() ? layers : List.of(layers)) {
        if (!layer.isNull() && !layer.isMissingNode()) {
          numbers.add(integer("layers_to_transform", layer, 0));
        }
      }
      return new TargetModules(targets, selection("exclude_modules"), numbers, texts("layers_pattern"));
    }

    private Selection selection(String key) {
      JsonNode value = json.path(key);
      if (value.isTextual()) {
        return value.textValue().isEmpty() ? Selection.NONE : new Selection(List.of(), value.textValue());
      }
      return new Selection(texts(key), null);
    }

    /** A list of strings, or one string, or nothing. */
    private List<String> texts(String key) {
      JsonNode value = json.path(key);
      List<String> texts = new ArrayList<>();
      for (JsonNode text : value.isArray() ? value : List.of(value)) {
        if (text.isTextual()) {
          texts.add(text.textValue());
        } else if (value.isArray() || !text.isNull() && !text.isMissingNode()) {
          throw refuse(key, "must be a string or a list of strings, found " + text);
        }
      }
      return texts;
    }

    private Initialisation initialisation() {
      JsonNode value = json.path("init_lora_weights");
      if (!value.isTextual()) {
        boolean off = value.isBoolean() && !value.booleanValue();
        return off ? Initialisation.OTHER : Initialisation.UNIFORM;
      }
      String method = value.textValue().toLowerCase(Locale.ROOT);
      return switch (method) {
        case "gaussian" -> Initialisation.GAUSSIAN;
        case "eva", "orthogonal" -> Initialisation.OTHER;
        // These move a part of the base weights into the adapter, so the adapter alone does not say what it adds to.
        default ->
            throw refuse(
                "init_lora_weights",
                "is \""
                    + value.textValue()
                    + "\", which changes the base weights; convert the adapter to plain LoRA with the tool that made it"
                    + " (PEFT: save_pretrained with path_initial_model_for_weight_conversion)");
      };
    }

    private Map<String, JsonNode> otherKeys() {
      Map<String, JsonNode> others = new LinkedHashMap<>();
      for (var property : json.properties()) {
        String key = property.getKey();
        JsonNode value = property.getValue();
        if (KNOWN.contains(key)) {
          continue;
        }
        boolean unknown = !HARMLESS.contains(key) && !UNSUPPORTED.containsKey(key);
        if (unknown && isSwitchedOn(value) && (value.isContainerNode() || value.isBoolean())) {
          throw refuse(
              key,
              "is "
                  + value
                  + ", which this program does not know; remove the key if it does not change "
                  + "what the adapter computes");
        }
        others.put(key, value);
      }
      return others;
    }

    private boolean flag(String key) {
      JsonNode value = json.path(key);
      if (value.isMissingNode() || value.isNull()) {
        return false;
      }
      if (!value.isBoolean()) {
        throw refuse(key, "must be true or false, found " + value);
      }
      return value.booleanValue();
    }

    private String text(String key) {
      JsonNode value = json.path(key);
      return value.isTextual() ? value.textValue() : null;
    }

    private int integer(String key, JsonNode value, int absent) {
      if (value.isMissingNode() || value.isNull()) {
        return absent;
      }
      if (!value.isIntegralNumber() || !value.canConvertToInt()) {
        throw refuse(key, "must be an integer, found " + value);
      }
      return value.intValue();
    }

    private double number(String key, JsonNode value, double absent) {
      if (value.isMissingNode() || value.isNull()) {
        return absent;
      }
      if (!value.isNumber()) {
        throw refuse(key, "must be a number, found " + value);
      }
      return value.doubleValue();
    }

    private Map<String, Integer> integers(String key) {
      Map<String, Integer> values = new LinkedHashMap<>();
      for (var entry : entries(key).properties()) {
        values.put(entry.getKey(), integer(key, entry.getValue(), 0));
      }
      return values;
    }

    private Map<String, Double> numbers(String key) {
      Map<String, Double> values = new LinkedHashMap<>();
      for (var entry : entries(key).properties()) {
        values.put(entry.getKey(), number(key, entry.getValue(), 0));
      }
      return values;
    }

    private JsonNode entries(String key) {
      JsonNode value = json.path(key);
      if (!value.isObject() && !value.isNull() && !value.isMissingNode()) {
        throw refuse(key, "must be an object of patterns and numbers, found " + value);
      }
      return value;
    }

    private InvalidInputException refuse(String key, String problem) {
      return new InvalidInputException(where + ": " + key + " " + problem);
    }
  }
}
