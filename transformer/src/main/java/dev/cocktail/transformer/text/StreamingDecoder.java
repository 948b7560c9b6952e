package dev.cocktail.transformer.text;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;

/**
 * Turns ids that come one at a time into text that never has to be taken back: pieces that are single bytes wait for
 * the end of their run, since one broken byte changes how the whole run reads. What is emitted, joined, equals decoding
 * all ids at once. Not safe for several threads.
 */
public final class StreamingDecoder {
  private static final int WINDOW = 64;
  private static final char REPLACEMENT = '\uFFFD';

  private final Tokenizer tokenizer;
  private final boolean skipSpecialTokens;
  private int[] window = new int[2 * WINDOW];
  private int length;
  private String emitted = "";

  StreamingDecoder(Tokenizer tokenizer, boolean skipSpecialTokens) {
    this.tokenizer = requireNonNull(tokenizer, "tokenizer");
    this.skipSpecialTokens = skipSpecialTokens;
  }

  /**
   * Takes the next id; returns the text that is now certain, often one piece, empty while a character is unfinished.
   */
  public String next(int id) {
    if (length == window.length) {
      window = Arrays.copyOf(window, 2 * length);
    }
    window[length++] = id;
    if (tokenizer.isByte(id)) {
      return "";
    }
    var text = decodeWindow();
    if (text.isEmpty() || text.charAt(text.length() - 1) == REPLACEMENT || !text.startsWith(emitted)) {
      return "";
    }
    var fresh = text.substring(emitted.length());
    emitted = text;
    if (length >= WINDOW) {
      slide();
    }
    return fresh;
  }

  /** Ends the stream: what waited for more bytes comes out as it stands. The decoder starts afresh afterwards. */
  public String finish() {
    var text = decodeWindow();
    var shared = 0;
    while (shared < Math.min(text.length(), emitted.length()) && text.charAt(shared) == emitted.charAt(shared)) {
      shared++;
    }
    length = 0;
    emitted = "";
    return text.substring(shared);
  }

  /**
   * Forgets early ids so that a long answer does not decode everything again at each step. The rest must decode to the
   * end of what was emitted and hold visible text, so that the first piece's space is stripped from both or neither.
   */
  private void slide() {
    var rest = Arrays.copyOfRange(window, length - WINDOW / 4, length);
    var text = tokenizer.decode(rest, skipSpecialTokens);
    if (text.isBlank() || !emitted.endsWith(text)) {
      return;
    }
    System.arraycopy(rest, 0, window, 0, rest.length);
    length = rest.length;
    emitted = text;
  }

  private String decodeWindow() {
    return tokenizer.decode(Arrays.copyOf(window, length), skipSpecialTokens);
  }
}
