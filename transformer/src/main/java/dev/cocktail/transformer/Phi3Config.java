package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The shape of a {@code Phi3ForCausalLM}: Phi-3-mini and -medium, Phi-3.5-mini, Phi-4, Phi-4-mini. Read from a Hugging
 * Face {@code config.json} in the spelling of Transformers 4 ({@code rope_theta}, {@code rope_scaling}) or 5 ({@code
 * rope_parameters}).
 *
 * @param vocabSize V
 * @param hiddenSize H
 * @param intermediateSize width I of the gated unit
 * @param layers number of decoder layers
 * @param heads query heads
 * @param kvHeads key/value heads, a divisor of heads
 * @param headDim elements of one head
 * @param maxPositions the context: the most tokens a sequence may have
 * @param rmsNormEpsilon added to the mean square inside the root
 * @param rope how positions become rotations
 * @param slidingWindow how many latest keys a query sees, itself included; empty for all
 * @param tiedEmbeddings whether the output projection is the embedding
 * @param bosId token that begins a text, where the model names one
 * @param eosIds tokens that end a text
 * @param padId token that fills rows, where the model names one
 */
public record Phi3Config(
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int maxPositions,
    double rmsNormEpsilon,
    RopeConfig rope,
    OptionalInt slidingWindow,
    boolean tiedEmbeddings,
    OptionalInt bosId,
    List<Integer> eosIds,
    OptionalInt padId) {
  /** The architecture's name in {@code config.json}. */
  public static final String ARCHITECTURE = "Phi3ForCausalLM";

  private static final double DEFAULT_THETA = 10000;
  private static final int DEFAULT_POSITIONS = 4096;

  public Phi3Config {
    requireNonNull(rope, "rope");
    requireNonNull(slidingWindow, "slidingWindow");
    requireNonNull(bosId, "bosId");
    requireNonNull(padId, "padId");
    eosIds = List.copyOf(eosIds);
    if (heads % kvHeads != 0) {
      throw new IllegalArgumentException(heads + " heads cannot share " + kvHeads + " key/value heads");
    }
    if (rope.rotaryDim() > headDim) {
      throw new IllegalArgumentException("rotary dimension " + rope.rotaryDim() + " of heads of " + headDim);
    }
  }

  /** Everything an attention needs to know. */
  public AttentionShape attentionShape() {
    int window = slidingWindow.orElse(AttentionShape.NO_WINDOW);
    return new AttentionShape(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), window);
  }

  /**
   * Reads a configuration.
   *
   * @param folderOrFile a Hugging Face model folder, or its {@code config.json}
   * @throws InvalidInputException naming file, key, what was found and what was expected
   */
  public static Phi3Config read(Path folderOrFile) {
    Path file = Files.isDirectory(folderOrFile) ? folderOrFile.resolve("config.json") : folderOrFile;
    if (!Files.exists(file)) {
      throw new InvalidInputException(
          "there is no " + file + "; expected a Hugging Face model folder with a config.json");
    }
    ConfigObject json = ConfigObject.read(file);
    requireArchitecture(file, json);
    refuseUnsupported(json);
    int hidden = json.positiveInt("hidden_size");
    int heads = json.positiveInt("num_attention_heads");
    int kvHeads = json.positiveInt("num_key_value_heads", heads);
    if (heads % kvHeads != 0) {
      throw json.wrong("num_key_value_heads", "a divisor of num_attention_heads, which is " + heads);
    }
    if (!json.has("head_dim") && hidden % heads != 0) {
      throw json.wrong("hidden_size", "a multiple of num_attention_heads, which is " + heads + ", or a head_dim");
    }
    int headDim = json.positiveInt("head_dim", hidden / heads);
    int maxPositions = json.positiveInt("max_position_embeddings", DEFAULT_POSITIONS);
    return new Phi3Config(
        json.positiveInt("vocab_size"),
        hidden,
        json.positiveInt("intermediate_size"),
        json.positiveInt("num_hidden_layers"),
        heads,
        kvHeads,
        headDim,
        maxPositions,
        json.positiveNumber("rms_norm_eps", 1e-5),
        readRope(file, json, headDim, maxPositions),
        json.has("sliding_window") ? OptionalInt.of(json.positiveInt("sliding_window")) : OptionalInt.empty(),
        json.bool("tie_word_embeddings", false),
        first(json.ids("bos_token_id")),
        json.ids("eos_token_id"),
        first(json.ids("pad_token_id")));
  }

  private static OptionalInt first(List<Integer> ids) {
    return ids.isEmpty() ? OptionalInt.empty() : OptionalInt.of(ids.getFirst());
  }

  private static void requireArchitecture(Path file, ConfigObject json) {
    List<String> architectures = json.strings("architectures");
    if (architectures.isEmpty()) {
      Optional<String> type = json.string("model_type");
      if (type.isEmpty()) {
        throw new InvalidInputException(
            file
                + " names neither 'architectures' nor 'model_type'; supported is "
                + ARCHITECTURE
                + " (model_type phi3)");
      }
      if (!type.get().equals("phi3")) {
        throw json.wrong("model_type", "phi3; supported architectures: " + ARCHITECTURE);
      }
    } else if (!architectures.contains(ARCHITECTURE)) {
      throw json.wrong("architectures", ARCHITECTURE + ", the only supported architecture");
    }
  }

  private static void refuseUnsupported(ConfigObject json) {
    for (String key : List.of("attention_bias", "mlp_bias", "lm_head_bias")) {
      if (json.bool(key, false)) {
        throw json.wrong(key, "false: " + ARCHITECTURE + " has no biases");
      }
    }
    String activation = json.string("hidden_act").orElse("silu");
    if (!activation.equals("silu") && !activation.equals("swish")) {
      throw json.wrong("hidden_act", "silu, the only supported activation");
    }
    if (json.has("quantization_config")) {
      throw json.wrong("quantization_config", "none: load the unquantised model (F32, BF16 or F16 weights)");
    }
  }

  private static RopeConfig readRope(Path file, ConfigObject json, int headDim, int maxPositions) {
    // Transformers 5 has one object for all; 4 has rope_scaling, which is absent or null for plain embeddings.
    ConfigObject rope = json.has("rope_parameters") ? json.object("rope_parameters") : json.object("rope_scaling");
    double theta = rope.positiveNumber("rope_theta", json.positiveNumber("rope_theta", DEFAULT_THETA));
    double partial = rope.positiveNumber("partial_rotary_factor", json.positiveNumber("partial_rotary_factor", 1));
    int rotaryDim = (int) (headDim * partial);
    if (partial > 1 || rotaryDim < 2 || rotaryDim % 2 != 0) {
      throw new InvalidInputException(
          file
              + ": partial_rotary_factor is "
              + partial
              + ", which rotates "
              + rotaryDim
              + " of "
              + headDim
              + " elements of a head; expected an even number from 2 to "
              + headDim);
    }
    String typeKey = rope.has("rope_type") ? "rope_type" : "type";
    String type = rope.string(typeKey).orElse("default");
    return switch (type) {
      case "default" -> RopeConfig.plain(rotaryDim, theta);
      case "longrope", "su" -> readLongRope(file, json, rope, rotaryDim, theta, maxPositions);
      default -> throw rope.wrong(typeKey, "one of the supported rope types: default, longrope, su");
    };
  }

  private static RopeConfig readLongRope(
      Path file, ConfigObject json, ConfigObject rope, int rotaryDim, double theta, int maxPositions) {
    int original =
        json.positiveInt(
            "original_max_position_embeddings",
            rope.positiveInt("original_max_position_embeddings", DEFAULT_POSITIONS));
    if (original < 2) {
      throw new InvalidInputException(file + ": original_max_position_embeddings is 1; expected at least 2");
    }
    String meaning = "one for each of the " + rotaryDim / 2 + " rotated pairs of a head";
    double factor = rope.positiveNumber("factor", (double) maxPositions / original);
    double fromFactor = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
    return new RopeConfig(
        rotaryDim,
        theta,
        rope.positiveNumbers("short_factor", rotaryDim / 2, meaning),
        rope.positiveNumbers("long_factor", rotaryDim / 2, meaning),
        original,
        rope.positiveNumber("attention_factor", fromFactor));
  }
}
