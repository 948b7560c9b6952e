/** Fine-tuning: the optimiser, the training loop, run folders, and what one sees of a run. */
package dev.cocktail.trainer;
