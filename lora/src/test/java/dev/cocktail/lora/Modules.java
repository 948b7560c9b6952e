package dev.cocktail.lora;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.LinearModule;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** The linear projections of tiny models, without a model around them. */
final class Modules {
  private Modules() {}

  /** As a model of the given layers names them, every weight [out, in] of zeros. */
  static List<LinearModule> of(int layers, int out, int in) {
    List<LinearModule> modules = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      for (String part : List.of("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")) {
        Tensor weight = Tensor.onHost(DType.F32, Shape.of(out, in), Arena.ofAuto().allocate(4L * out * in, 64));
        modules.add(
            new LinearModule("model.layers." + layer + "." + part, modules.size(), Variable.frozen(weight), in, out));
      }
    }
    return modules;
  }
}
