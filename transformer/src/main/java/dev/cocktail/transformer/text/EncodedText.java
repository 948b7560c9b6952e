package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

/**
 * Text as token ids, and where each token came from.
 *
 * @param ids one id a token
 * @param starts for each token, the index in the text (in Java chars) of its first character
 * @param ends for each token, the index after its last character. Tokens that are the bytes of one character share its
 *     span. A token that no character made (a BOS) has an empty span at its place.
 */
public record EncodedText(int[] ids, int[] starts, int[] ends) {
  public EncodedText {
    requireNonNull(ids, "ids");
    if (starts.length != ids.length || ends.length != ids.length) {
      throw new IllegalArgumentException(
          "%d ids, %d starts, %d ends: expected as many of each".formatted(ids.length, starts.length, ends.length));
    }
  }

  public int length() {
    return ids.length;
  }
}
