package dev.cocktail.lora;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.LinearModule;
import java.util.List;

/**
 * The adapter on one linear projection: A [r, in], B [out, r] and, for DoRA, a magnitude [out], all of parameter type.
 *
 * <p>LoRA computes {@code y = W x + s B A x'}, where x' is x with dropout. DoRA computes {@code y = (m / n) V x} with
 * {@code V = W + s B A} and n its row norms, which count as constants in the backward pass (Liu et al., 2024, section
 * 4.3). With dropout it follows PEFT: the base projection keeps its whole input, the change is computed from the
 * dropped one, {@code y = W x + (m / n - 1) W x' + (m / n) s B A x'}.
 */
final class LoraModule {
  private final double scale;
  private final Variable a;
  private final Variable b;

  /** A and B as products take them: themselves, or rounded to activations where these are narrower. */
  private final Variable roundedA;

  private final Variable roundedB;
  private final Variable magnitude;
  private final Tensor norm;
  private final Tensor scaledNorm;
  private final Variable frozenFactors;
  private final Variable minusOne;

  private LoraModule(Device device, TensorArena arena, double scale, Variable a, Variable b, Variable magnitude) {
    this.scale = scale;
    this.a = a;
    this.b = b;
    this.roundedA = rounded(device, arena, a);
    this.roundedB = rounded(device, arena, b);
    this.magnitude = magnitude;
    if (magnitude == null) {
      norm = null;
      scaledNorm = null;
      frozenFactors = null;
      minusOne = null;
      return;
    }
    long out = b.value().dim(0);
    DType dtype = device.parameterType();
    norm = arena.allocate(dtype, out);
    scaledNorm = arena.allocate(dtype, out);
    frozenFactors = Variable.frozen(arena.allocate(dtype, out));
    Tensor constant = arena.allocate(dtype, out);
    device.ops().fill(constant, -1);
    minusOne = Variable.frozen(constant);
  }

  private static Variable rounded(Device device, TensorArena arena, Variable factor) {
    DType type = device.activationType();
    Tensor value = factor.value();
    return type == value.dtype() ? factor : Variable.rounded(arena.allocate(type, value.shape()), factor);
  }

  /** Adds what must be rounded before {@link #applyDropping} and {@link #applyFrozen}, and where to. */
  void addRounding(List<Tensor> exact, List<Tensor> rounded) {
    if (roundedA != a) {
      exact.addAll(List.of(a.value(), b.value()));
      rounded.addAll(List.of(roundedA.value(), roundedB.value()));
    }
  }

  /** The adapter on a module, its values still undefined. */
  static LoraModule allocate(
      Device device, TensorArena arena, AdapterConfig config, LinearModule module, boolean trainable) {
    int rank = config.rankOf(module.name());
    Variable a = variable(device, arena, trainable, rank, module.inFeatures());
    Variable b = variable(device, arena, trainable, module.outFeatures(), rank);
    Variable magnitude = config.dora() ? variable(device, arena, trainable, module.outFeatures()) : null;
    return new LoraModule(device, arena, config.scaleOf(module.name()), a, b, magnitude);
  }

  private static Variable variable(Device device, TensorArena arena, boolean trainable, long... dims) {
    Tensor value = arena.allocate(device.parameterType(), dims);
    if (!trainable) {
      return Variable.frozen(value);
    }
    Tensor gradient = arena.allocate(device.parameterType(), dims);
    device.ops().fill(gradient, 0);
    return Variable.parameter(value, gradient);
  }

  /** Draws A, sets B to zero and the magnitude to the row norms of W, so that nothing changes yet. */
  void initialise(Device device, AdapterConfig config, LinearModule module, RandomKey key) {
    Tensor values = a.value();
    switch (config.initialisation()) {
      case UNIFORM -> {
        // Kaiming's uniform initialisation with a = sqrt(5): gain sqrt(2 / 6) times sqrt(3 / in).
        double bound = 1 / Math.sqrt(values.dim(1));
        device.ops().uniform(values, -bound, bound, key);
      }
      case GAUSSIAN -> device.ops().normal(values, 0, 1.0 / values.dim(0), key);
      case OTHER -> throw new IllegalArgumentException("an adapter cannot be made by another tool's initialisation");
    }
    device.ops().fill(b.value(), 0);
    if (magnitude != null) {
      device.ops().adaptedRowNorm(magnitude.value(), module.weight().value(), b.value(), values, scale);
    }
  }

  Variable a() {
    return a;
  }

  Variable b() {
    return b;
  }

  /** The magnitude, or null where this is not DoRA. */
  Variable magnitude() {
    return magnitude;
  }

  /** The projection with the adapter; going back, gradients reach A, B, the magnitude and x. */
  Variable apply(Tape tape, LinearModule module, Variable x) {
    return apply(tape, module, x, a, b);
  }

  private Variable apply(Tape tape, LinearModule module, Variable x, Variable inner, Variable outer) {
    Variable y = withLowRank(tape, module, x, x, inner, outer);
    if (magnitude == null) {
      return y;
    }
    computeNorm(tape.device(), module);
    return tape.scaleColumns(y, tape.divide(magnitude, norm));
  }

  /** The same with dropout on the adapter's input, and with A and B as they were rounded last. */
  Variable applyDropping(Tape tape, LinearModule module, Variable x, double dropout, RandomKey key) {
    if (dropout == 0) {
      return apply(tape, module, x, roundedA, roundedB);
    }
    Variable dropped = tape.dropout(x, dropout, key);
    if (magnitude == null) {
      return withLowRank(tape, module, x, dropped, roundedA, roundedB);
    }
    computeNorm(tape.device(), module);
    Variable factors = tape.divide(magnitude, norm);
    Variable scaledFactors = tape.divide(magnitude, scaledNorm);
    Variable direction = tape.linear(dropped, module.weight());
    Variable change = tape.scaleColumns(direction, tape.add(factors, minusOne));
    Variable lowRank = tape.linear(tape.linear(dropped, roundedA), roundedB);
    Variable y = tape.add(tape.linear(x, module.weight()), change);
    return tape.add(y, tape.scaleColumns(lowRank, scaledFactors));
  }

  /** The projection with DoRA's factors as {@link #freezeFactors} left them, and with A and B as rounded last. */
  Variable applyFrozen(Tape tape, LinearModule module, Variable x) {
    Variable y = withLowRank(tape, module, x, x, roundedA, roundedB);
    return magnitude == null ? y : tape.scaleColumns(y, frozenFactors);
  }

  /** Computes DoRA's factors once, for many uses. */
  void freezeFactors(Device device, LinearModule module) {
    if (magnitude != null) {
      computeNorm(device, module);
      device.ops().divide(frozenFactors.value(), false, magnitude.value(), norm);
    }
  }

  private Variable withLowRank(
      Tape tape, LinearModule module, Variable x, Variable adapterInput, Variable inner, Variable outer) {
    Variable y = tape.linear(x, module.weight());
    return tape.addLinear(y, tape.linear(adapterInput, inner), outer, scale);
  }

  /**
   * The norms are written anew for every use into memory of the adapter's own: between a forward pass and its backward
   * pass parameters do not change, so a second run of a layer writes the same bits.
   */
  private void computeNorm(Device device, LinearModule module) {
    device.ops().adaptedRowNorm(norm, module.weight().value(), b.value(), a.value(), scale);
    device.ops().cast(scaledNorm, norm);
    device.ops().scale(scaledNorm, 1 / scale);
  }
}
