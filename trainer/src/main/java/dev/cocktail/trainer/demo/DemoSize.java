package dev.cocktail.trainer.demo;

/**
 * How much the demo does. The budget is the same for every adapter: so many steps of at most {@link #TOKENS_PER_STEP}
 * tokens.
 *
 * @param trainItems examples of each task to learn from
 * @param validationItems questions of each task that the learning is watched with
 * @param testItems questions of each task that the adapters are judged by
 * @param steps optimiser steps of each adapter
 */
record DemoSize(int trainItems, int validationItems, int testItems, int steps) {
  static final int TOKENS_PER_STEP = 2048;

  /** What {@code cocktail demo} does. */
  static final DemoSize WHOLE = new DemoSize(2000, 100, 300, 160);
}
