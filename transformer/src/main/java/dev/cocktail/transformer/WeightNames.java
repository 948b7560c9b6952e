package dev.cocktail.transformer;

import dev.cocktail.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.Map;

/** The tensors of a Phi-3 checkpoint: their names and shapes, in model order. */
final class WeightNames {
  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String FINAL_NORM = "model.norm.weight";
  static final String OUTPUT = "lm_head.weight";

  private WeightNames() {}

  static String inputNorm(int layer) {
    return "model.layers." + layer + ".input_layernorm.weight";
  }

  static String attentionNorm(int layer) {
    return "model.layers." + layer + ".post_attention_layernorm.weight";
  }

  static String qkv(int layer) {
    return "model.layers." + layer + ".self_attn.qkv_proj";
  }

  static String attentionOutput(int layer) {
    return "model.layers." + layer + ".self_attn.o_proj";
  }

  static String gateUp(int layer) {
    return "model.layers." + layer + ".mlp.gate_up_proj";
  }

  static String down(int layer) {
    return "model.layers." + layer + ".mlp.down_proj";
  }

  /** Every tensor that a model of this configuration needs; {@link #OUTPUT} is absent where it is tied. */
  static Map<String, Shape> shapes(Phi3Config config) {
    long hidden = config.hiddenSize();
    long intermediate = config.intermediateSize();
    long queries = (long) config.heads() * config.headDim();
    long keys = (long) config.kvHeads() * config.headDim();
    Map<String, Shape> shapes = new LinkedHashMap<>();
    shapes.put(EMBEDDING, Shape.of(config.vocabSize(), hidden));
    for (int layer = 0; layer < config.layers(); layer++) {
      shapes.put(inputNorm(layer), Shape.of(hidden));
      shapes.put(qkv(layer) + ".weight", Shape.of(queries + 2 * keys, hidden));
      shapes.put(attentionOutput(layer) + ".weight", Shape.of(hidden, queries));
      shapes.put(attentionNorm(layer), Shape.of(hidden));
      shapes.put(gateUp(layer) + ".weight", Shape.of(2 * intermediate, hidden));
      shapes.put(down(layer) + ".weight", Shape.of(hidden, intermediate));
    }
    shapes.put(FINAL_NORM, Shape.of(hidden));
    if (!config.tiedEmbeddings()) {
      shapes.put(OUTPUT, Shape.of(config.vocabSize(), hidden));
    }
    return shapes;
  }
}
