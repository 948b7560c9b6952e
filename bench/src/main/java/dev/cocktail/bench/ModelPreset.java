package dev.cocktail.bench;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.RopeConfig;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/** Shapes of models to measure; a peer's script that knows a name has the same shape under it. */
enum ModelPreset {
  SMALL("small", 512, 8, 8, 8, 1408),
  M300("300m", 1024, 20, 16, 16, 2816),
  PHI3_MINI("phi3-mini", 3072, 32, 32, 32, 8192);

  private static final int VOCABULARY = 32_064;

  private final String label;
  private final int hiddenSize;
  private final int layers;
  private final int heads;
  private final int kvHeads;
  private final int intermediateSize;

  ModelPreset(String label, int hiddenSize, int layers, int heads, int kvHeads, int intermediateSize) {
    this.label = label;
    this.hiddenSize = hiddenSize;
    this.layers = layers;
    this.heads = heads;
    this.kvHeads = kvHeads;
    this.intermediateSize = intermediateSize;
  }

  static ModelPreset of(String label) {
    return Arrays.stream(values())
        .filter(preset -> preset.label.equals(label))
        .findFirst()
        .orElseThrow(() -> new InvalidInputException("unknown preset '" + label + "'; known: " + labels()));
  }

  /** The presets by their labels. */
  static String labels() {
    return String.join(", ", Arrays.stream(values()).map(preset -> preset.label).toList());
  }

  String label() {
    return label;
  }

  Phi3Config config() {
    int headDim = hiddenSize / heads;
    return new Phi3Config(
        VOCABULARY,
        hiddenSize,
        intermediateSize,
        layers,
        heads,
        kvHeads,
        headDim,
        4096,
        1e-5,
        RopeConfig.plain(headDim, 10_000),
        OptionalInt.of(2047),
        false,
        OptionalInt.of(1),
        List.of(2),
        OptionalInt.of(0));
  }
}
