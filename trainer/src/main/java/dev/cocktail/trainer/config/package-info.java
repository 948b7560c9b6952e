/**
 * The run file: one YAML file that says what to train, on what and how. Every key has a default or is required, and a
 * documented meaning; whatever is wrong in a file is named with its line.
 */
package dev.cocktail.trainer.config;
