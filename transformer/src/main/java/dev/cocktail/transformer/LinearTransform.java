package dev.cocktail.transformer;

import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Variable;

/**
 * What the model does in the place of each linear projection; adapters are other implementations than {@link #BASE}.
 * Called in forward order, and a second time for layers that are recomputed in the backward pass, where it must compute
 * the same.
 */
@FunctionalInterface
public interface LinearTransform {
  /** The projection itself: {@code x W^T}. */
  LinearTransform BASE = (tape, module, x) -> tape.linear(x, module.weight());

  /**
   * Applies the projection.
   *
   * @param x activation [T, module.inFeatures()]; not consumed
   * @return activation [T, module.outFeatures()], which the caller may consume
   */
  Variable apply(Tape tape, LinearModule module, Variable x);
}
