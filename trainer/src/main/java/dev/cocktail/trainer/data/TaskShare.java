package dev.cocktail.trainer.data;

/**
 * A task's part of some draws; all tasks' parts add up to 1.
 *
 * @param examples its part of the examples
 * @param supervisedTokens its part of the tokens that are learnt
 */
public record TaskShare(double examples, double supervisedTokens) {}
