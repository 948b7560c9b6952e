package dev.cocktail.trainer.config;

/** Whether decoder layers are recomputed in the backward pass. */
public enum Checkpointing {
  /** Where the memory of a step would not suffice otherwise. */
  AUTO,
  TRUE,
  FALSE
}
