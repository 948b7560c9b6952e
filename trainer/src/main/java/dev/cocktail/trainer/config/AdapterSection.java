package dev.cocktail.trainer.config;

import dev.cocktail.lora.AdapterConfig;
import dev.cocktail.tensor.InvalidInputException;
import java.util.Map;

/** {@code adapter}: which small matrices are trained beside the frozen weights. */
@Planned({"bias", "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform"})
public record AdapterSection(
    @Key(value = "Kind of adapter: lora, or none to train base weights (see trainable).", defaultsTo = "lora")
        Type type,
    @Key(value = "Rank of the adapter's matrices.", defaultsTo = "16", atLeast = 1, atMost = 65536) int r,
    @Key(value = "The adapter's output is scaled by lora_alpha / r.", defaultsTo = "32", above = 0) double loraAlpha,
    @Key(
            value = "Share of the adapter's input that is dropped in training.",
            defaultsTo = "0.0",
            atLeast = 0,
            below = 1)
        double loraDropout,
    @Key(
            value =
                "Modules with an adapter: all-linear, a list of names or ends of names (qkv_proj), or one regular"
                    + " expression for whole names.",
            defaultsTo = "all-linear")
        TargetModules targetModules,
    @Key(value = "Scale by lora_alpha / sqrt(r) instead (rank-stabilised LoRA).", defaultsTo = "false")
        boolean useRslora,
    @Key(value = "Train a magnitude for each output row beside the direction (DoRA).", defaultsTo = "false")
        boolean useDora,
    @Key(value = "How matrix A starts: kaiming (uniform) or gaussian; B starts at zero.", defaultsTo = "kaiming")
        Init init)
    implements Checked {
  /** Kinds of adapters. */
  public enum Type {
    LORA,
    NONE
  }

  /** How an adapter starts. */
  public enum Init {
    KAIMING,
    GAUSSIAN
  }

  /** The same without dropout, which makes what is measured depend on chance. */
  public AdapterSection withoutDropout() {
    return Sections.with(this, "loraDropout", 0.0);
  }

  /** The adapter that these keys ask for. */
  public AdapterConfig toAdapterConfig() {
    var initialisation =
        switch (init) {
          case KAIMING -> AdapterConfig.Initialisation.UNIFORM;
          case GAUSSIAN -> AdapterConfig.Initialisation.GAUSSIAN;
        };
    return new AdapterConfig(
        r,
        loraAlpha,
        loraDropout,
        useRslora,
        useDora,
        targetModules.toAdapterTargets(),
        Map.of(),
        Map.of(),
        initialisation,
        null,
        Map.of());
  }

  @Override
  public void check(Place place) {
    try {
      targetModules.toAdapterTargets();
    } catch (InvalidInputException e) {
      throw place.wrong("target_modules", e.getMessage() + "; use all-linear or a list of names");
    }
    if (targetModules.kind() == TargetModules.Kind.NAMES && targetModules.names().isEmpty()) {
      throw place.wrong("target_modules", "the list is empty; name modules, or use all-linear or 'type: none'");
    }
  }
}
