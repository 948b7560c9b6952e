package dev.cocktail.lora;

import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.InvalidInputException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What kind of adapter, where, and how large; PEFT's {@code adapter_config.json}.
 *
 * @param rank r: inner width of every adapter that {@code rankPattern} says nothing about
 * @param alpha lora_alpha: numerator of the scale
 * @param dropout lora_dropout: share of the adapter's input set to zero while training, in [0, 1)
 * @param rankStabilised use_rslora: scale by alpha / sqrt(r) instead of alpha / r
 * @param dora use_dora: a trained magnitude for every output, and the direction normalised
 * @param targets which modules
 * @param rankPattern rank_pattern: ranks of modules whose name ends with a pattern; the first match counts
 * @param alphaPattern alpha_pattern: like rankPattern
 * @param initialisation init_lora_weights: how A is drawn
 * @param baseModel base_model_name_or_path: the model it was made for; may be null
 * @param otherKeys keys of the file that change nothing here, kept for writing
 */
public record AdapterConfig(
    int rank,
    double alpha,
    double dropout,
    boolean rankStabilised,
    boolean dora,
    TargetModules targets,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern,
    Initialisation initialisation,
    String baseModel,
    Map<String, JsonNode> otherKeys) {
  /** The file's name in an adapter's folder. */
  public static final String FILE = "adapter_config.json";

  /** How A is drawn; B is always zero, so that a fresh adapter changes nothing. */
  public enum Initialisation {
    /** Uniform in ±1/sqrt(in), PEFT's default. */
    UNIFORM,
    /** Normal with standard deviation 1/r. */
    GAUSSIAN,
    /** By a method that cannot be repeated here; the adapter can be read and trained on, not made anew. */
    OTHER
  }

  public AdapterConfig {
    requireNonNull(targets, "targets");
    requireNonNull(initialisation, "initialisation");
    rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
    alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
    otherKeys = Collections.unmodifiableMap(new LinkedHashMap<>(otherKeys));
    requireRank("r", rank);
    rankPattern.forEach((pattern, value) -> requireRank("rank_pattern '" + pattern + "'", value));
    requireAlpha("lora_alpha", alpha);
    alphaPattern.forEach((pattern, value) -> requireAlpha("alpha_pattern '" + pattern + "'", value));
    if (!(dropout >= 0 && dropout < 1)) {
      throw new InvalidInputException("lora_dropout must be at least 0 and below 1, is " + dropout);
    }
  }

  private static void requireRank(String what, int rank) {
    if (rank < 1) {
      throw new InvalidInputException(what + " must be an integer of at least 1, is " + rank);
    }
  }

  private static void requireAlpha(String what, double alpha) {
    if (!Double.isFinite(alpha) || alpha == 0) {
      throw new InvalidInputException(what + " must be a finite number and not 0, is " + alpha);
    }
  }

  /** Plain LoRA without dropout. */
  public static AdapterConfig lora(int rank, double alpha, TargetModules targets) {
    return new AdapterConfig(
        rank, alpha, 0, false, false, targets, Map.of(), Map.of(), Initialisation.UNIFORM, null, Map.of());
  }

  /** The same with another dropout. */
  public AdapterConfig withDropout(double newDropout) {
    return new AdapterConfig(
        rank,
        alpha,
        newDropout,
        rankStabilised,
        dora,
        targets,
        rankPattern,
        alphaPattern,
        initialisation,
        baseModel,
        otherKeys);
  }

  /** The same, rank-stabilised or not. */
  public AdapterConfig withRankStabilised(boolean newRankStabilised) {
    return new AdapterConfig(
        rank,
        alpha,
        dropout,
        newRankStabilised,
        dora,
        targets,
        rankPattern,
        alphaPattern,
        initialisation,
        baseModel,
        otherKeys);
  }

  /** The same, as DoRA or not. */
  public AdapterConfig withDora(boolean newDora) {
    return new AdapterConfig(
        rank,
        alpha,
        dropout,
        rankStabilised,
        newDora,
        targets,
        rankPattern,
        alphaPattern,
        initialisation,
        baseModel,
        otherKeys);
  }

  /** The same for a model of that name or path. */
  public AdapterConfig withBaseModel(String newBaseModel) {
    return new AdapterConfig(
        rank,
        alpha,
        dropout,
        rankStabilised,
        dora,
        targets,
        rankPattern,
        alphaPattern,
        initialisation,
        newBaseModel,
        otherKeys);
  }

  /** The same on other modules. */
  public AdapterConfig withTargets(TargetModules newTargets) {
    return new AdapterConfig(
        rank,
        alpha,
        dropout,
        rankStabilised,
        dora,
        newTargets,
        rankPattern,
        alphaPattern,
        initialisation,
        baseModel,
        otherKeys);
  }

  /** Rank of the adapter on a module. */
  public int rankOf(String module) {
    return patternOf(rankPattern, module).map(rankPattern::get).orElse(rank);
  }

  /** lora_alpha of the adapter on a module. */
  public double alphaOf(String module) {
    return patternOf(alphaPattern, module).map(alphaPattern::get).orElse(alpha);
  }

  private static Optional<String> patternOf(Map<String, ?> patterns, String module) {
    return patterns.keySet().stream()
        .filter(pattern -> TargetModules.compile("(.*\\.)?(" + pattern + ")$").matcher(module).lookingAt())
        .findFirst();
  }

  /** What B A is multiplied by: alpha / r, or alpha / sqrt(r). */
  public double scaleOf(String module) {
    double r = rankOf(module);
    return alphaOf(module) / (rankStabilised ? Math.sqrt(r) : r);
  }

  /**
   * Reads PEFT's configuration.
   *
   * @param folderOrFile an adapter's folder, or its {@value #FILE}
   * @throws InvalidInputException naming the file and the key that is wrong, or that asks for what is not supported
   */
  public static AdapterConfig read(Path folderOrFile) {
    return AdapterConfigJson.read(folderOrFile);
  }

  /**
   * Reads the same keys from elsewhere, such as a run file.
   *
   * @param where named in messages
   */
  public static AdapterConfig fromJson(JsonNode json, String where) {
    return AdapterConfigJson.parse(json, where);
  }
}
