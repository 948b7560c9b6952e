package dev.cocktail.transformer;

import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Variable;
import java.util.List;

/** The weights of one decoder layer, and what it computes: {@code x += attention(norm(x)); x += mlp(norm(x))}. */
record DecoderLayer(
    int index,
    Variable inputNorm,
    LinearModule qkv,
    LinearModule attentionOutput,
    Variable attentionNorm,
    LinearModule gateUp,
    LinearModule down) {

  /** Turns a layer's projected queries, keys and values, which it consumes, into what its heads attended to. */
  @FunctionalInterface
  interface Attention {
    /** qkv [T, (nq + 2 nkv) d] -> [T, nq d]. */
    Variable attend(Tape tape, int layer, Variable qkv);
  }

  /** The linear modules in model order. */
  List<LinearModule> modules() {
    return List.of(qkv, attentionOutput, gateUp, down);
  }

  /** x [T,H] -> [T,H]; x is left to the caller's scope. */
  Variable forward(Tape tape, Variable x, LinearTransform transform, Attention attention, double epsilon) {
    // Inner scopes give back, as soon as the sub-block is done, what no recorded operation needs.
    Variable attended =
        tape.scoped(
            tape.rmsNorm(x, inputNorm, epsilon),
            normalised -> {
              Variable projected = transform.apply(tape, qkv, normalised);
              return transform.apply(tape, attentionOutput, attention.attend(tape, index, projected));
            });
    Tape.Normalised residual = tape.addRmsNorm(attended, x, attentionNorm, epsilon);
    Variable gated =
        tape.scoped(
            residual.normalised(),
            normalised -> transform.apply(tape, down, tape.swiglu(transform.apply(tape, gateUp, normalised))));
    return tape.add(residual.sum(), gated);
  }
}
