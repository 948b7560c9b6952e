package dev.cocktail.transformer;

/** Hears of tokens as they come. */
@FunctionalInterface
public interface GenerationListener {
  /** Hears nothing. */
  GenerationListener NONE = (prompt, id) -> {};

  /** A prompt got one more token; stop tokens are not told. */
  void token(int prompt, int id);

  /** A prompt is finished. */
  default void finished(int prompt, Generated result) {}
}
