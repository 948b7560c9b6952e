package dev.cocktail.trainer.data;

import static java.util.Objects.requireNonNull;

import dev.cocktail.transformer.TokenSequence;

/**
 * One training example, tokenised.
 *
 * @param ids token ids, at least one
 * @param supervised whether the token is learnt, that is, predicted from those before it; of the same length as ids.
 *     The first token has nothing before it and never counts.
 * @param origin where the example came from, for messages: file and line
 */
public record Example(int[] ids, boolean[] supervised, String origin) {
  public Example {
    requireNonNull(origin, "origin");
    if (ids.length == 0 || ids.length != supervised.length) {
      throw new IllegalArgumentException(
          origin + ": " + ids.length + " ids and " + supervised.length + " marks make no example");
    }
  }

  /** Number of tokens. */
  public int length() {
    return ids.length;
  }

  /** Number of tokens that are learnt. */
  public int supervisedTokens() {
    int count = 0;
    for (int i = 1; i < supervised.length; i++) {
      count += supervised[i] ? 1 : 0;
    }
    return count;
  }

  /** What is to be learnt of each token: its id, or {@link TokenSequence#IGNORED_LABEL} where nothing is. */
  public int[] labels() {
    int[] labels = new int[ids.length];
    for (int t = 0; t < labels.length; t++) {
      labels[t] = supervised[t] ? ids[t] : TokenSequence.IGNORED_LABEL;
    }
    return labels;
  }
}
