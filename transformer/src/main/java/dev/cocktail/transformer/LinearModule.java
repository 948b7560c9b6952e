package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.Variable;

/**
 * One of the model's linear projections, the places where adapters attach.
 *
 * @param name the module's name in the checkpoint, such as {@code model.layers.0.self_attn.qkv_proj}
 * @param index its place in model order, from 0: layer by layer qkv_proj, o_proj, gate_up_proj, down_proj
 * @param weight [outFeatures, inFeatures]
 * @param inFeatures width of the input
 * @param outFeatures width of the output
 */
public record LinearModule(String name, int index, Variable weight, int inFeatures, int outFeatures) {
  public LinearModule {
    requireNonNull(name, "name");
    requireNonNull(weight, "weight");
    if (weight.value().shape().rank() != 2
        || weight.value().dim(0) != outFeatures
        || weight.value().dim(1) != inFeatures) {
      throw new IllegalArgumentException(
          name + " is " + weight.value() + ", expected [" + outFeatures + ", " + inFeatures + "]");
    }
  }

  /** The name of the module's weight in the checkpoint. */
  public String weightName() {
    return name + ".weight";
  }
}
