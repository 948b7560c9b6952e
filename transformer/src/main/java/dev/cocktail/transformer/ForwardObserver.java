package dev.cocktail.transformer;

import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Variable;

/**
 * Sees values inside a forward pass, at once: a value must be copied before the call returns, since what follows may
 * reuse its memory. Names, all [T,H]: {@code inputs_embeds}, {@code block_input.0}, {@code block_input.1}, ..., {@code
 * final_norm}. Gradients of a value can be had by calling {@link Tape#keepGradient} on it.
 */
@FunctionalInterface
public interface ForwardObserver {
  /** Looks at nothing. */
  ForwardObserver NONE = (name, value) -> {};

  /** Called once for each named value, in forward order. */
  void observe(String name, Variable value);
}
