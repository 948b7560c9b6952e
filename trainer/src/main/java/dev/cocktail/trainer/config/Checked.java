package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;

/** A section whose keys must fit together. */
interface Checked {
  /** Throws what {@link Place#wrong} makes when they do not. */
  void check(Place place);

  /** Where the section stands in the file. */
  @FunctionalInterface
  interface Place {
    /**
     * The exception for a wrong key.
     *
     * @param key relative to the section, such as {@code warmup_steps} or {@code tasks[1].name}
     * @param problem what is wrong and what to do
     */
    InvalidInputException wrong(String key, String problem);
  }
}
