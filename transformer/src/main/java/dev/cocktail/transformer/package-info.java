/** Phi-3-family models: configuration, weights, forward pass, generation. */
package dev.cocktail.transformer;
