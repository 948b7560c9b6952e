/** Text in and out of a model: tokenizers, chat templates, and which tokens of a conversation are the assistant's. */
package dev.cocktail.transformer.text;
