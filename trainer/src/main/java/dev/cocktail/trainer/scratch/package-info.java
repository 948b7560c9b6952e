/** Models that know nothing yet: a tokenizer learnt from text, and random weights. */
package dev.cocktail.trainer.scratch;
