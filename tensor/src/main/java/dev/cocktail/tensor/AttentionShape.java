package dev.cocktail.tensor;

/**
 * The fixed part of an attention: query head {@code h} reads key/value head {@code h / (heads / kvHeads)}.
 *
 * @param heads number of query heads (nq)
 * @param kvHeads number of key/value heads (nkv), a divisor of {@code heads}
 * @param headDim elements of one head (d)
 * @param scale factor on q.k before the softmax
 * @param window a query at position i sees keys at positions in (i - window, i]; {@link #NO_WINDOW} for all up to i
 */
public record AttentionShape(int heads, int kvHeads, int headDim, double scale, int window) {
  /** A window longer than any sequence. */
  public static final int NO_WINDOW = Integer.MAX_VALUE;

  public AttentionShape {
    if (heads < 1 || kvHeads < 1 || headDim < 1 || window < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "impossible attention: "
              + heads
              + " heads, "
              + kvHeads
              + " key/value heads, head dimension "
              + headDim
              + ", window "
              + window);
    }
  }

  /** Width of a token's packed queries, keys and values: (nq + 2 nkv) d. */
  public int qkvWidth() {
    return (heads + 2 * kvHeads) * headDim;
  }

  /** Width of a token's queries, and of its output: nq d. */
  public int queryWidth() {
    return heads * headDim;
  }

  /** Width of a token's keys, and of its values: nkv d. */
  public int kvWidth() {
    return kvHeads * headDim;
  }
}
