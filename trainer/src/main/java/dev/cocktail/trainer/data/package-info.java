/** Data sets as token ids, mixtures of them, and the batches that training consumes; none of it needs a model. */
package dev.cocktail.trainer.data;
