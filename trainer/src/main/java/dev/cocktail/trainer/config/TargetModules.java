package dev.cocktail.trainer.config;

import java.util.List;

/**
 * Which linear modules get an adapter, as PEFT's {@code target_modules} says it.
 *
 * @param kind how the names are meant
 * @param names one pattern, or the names; empty for all
 */
public record TargetModules(Kind kind, List<String> names) {
  /** How the names are meant. */
  public enum Kind {
    /** Every linear module but the output projection: {@code all-linear}. */
    ALL_LINEAR,
    /** A regular expression that the whole name of a module must match: a single text. */
    PATTERN,
    /** Whole names of modules, or their ends after a dot: a list. */
    NAMES
  }

  /** The word for all linear modules. */
  public static final String ALL_LINEAR_WORD = "all-linear";

  public TargetModules {
    names = List.copyOf(names);
  }

  /**
   * The same for an adapter.
   *
   * @throws dev.cocktail.tensor.InvalidInputException when the pattern is no regular expression
   */
  public dev.cocktail.lora.TargetModules toAdapterTargets() {
    return switch (kind) {
      case ALL_LINEAR -> dev.cocktail.lora.TargetModules.allLinear();
      case PATTERN -> dev.cocktail.lora.TargetModules.matching(names.getFirst());
      case NAMES -> dev.cocktail.lora.TargetModules.named(names.toArray(String[]::new));
    };
  }

  /** The meaning of a single text. */
  static TargetModules of(String text) {
    return text.equals(ALL_LINEAR_WORD)
        ? new TargetModules(Kind.ALL_LINEAR, List.of())
        : new TargetModules(Kind.PATTERN, List.of(text));
  }

  /** The meaning of a list. */
  static TargetModules of(List<String> names) {
    return names.equals(List.of(ALL_LINEAR_WORD)) ? of(ALL_LINEAR_WORD) : new TargetModules(Kind.NAMES, names);
  }
}
