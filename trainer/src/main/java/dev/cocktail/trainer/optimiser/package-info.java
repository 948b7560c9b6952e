/** How gradients change weights: the optimiser, and its learning rate over a run. Knows nothing of models and data. */
package dev.cocktail.trainer.optimiser;
