package dev.cocktail.trainer.data;

import dev.cocktail.transformer.text.Tokenizer;
import java.util.Arrays;

/** Shows an example as text in which one sees what is learnt: a mask that is wrong is seen at a glance. */
public final class SupervisionSample {
  private static final String LEARNT = "\u001B[1;32m";
  private static final String GIVEN = "\u001B[2m";
  private static final String RESET = "\u001B[0m";

  private SupervisionSample() {}

  /**
   * The text of an example, special tokens included.
   *
   * @param colour whether what is learnt is bold green and what is given is dim, by ANSI sequences; otherwise what is
   *     learnt stands between {@code ⟦} and {@code ⟧}
   */
  public static String render(Tokenizer tokenizer, Example example, boolean colour) {
    var text = new StringBuilder();
    var shown = 0;
    var ids = example.ids();
    for (var from = 0; from < ids.length; ) {
      var learnt = example.supervised()[from];
      var to = from + 1;
      while (to < ids.length && example.supervised()[to] == learnt) {
        to++;
      }
      var upTo = tokenizer.decode(Arrays.copyOf(ids, to), false);
      var run = printable(upTo.substring(Math.min(shown, upTo.length())));
      shown = upTo.length();
      if (colour) {
        text.append(learnt ? LEARNT : GIVEN).append(run).append(RESET);
      } else {
        text.append(learnt ? "⟦" + run + "⟧" : run);
      }
      from = to;
    }
    return text.toString();
  }

  /** Data must not command the terminal: control characters become their pictures. */
  private static String printable(String text) {
    var printable = new StringBuilder(text);
    for (var i = 0; i < text.length(); i++) {
      var c = text.charAt(i);
      if (c < ' ' && c != '\n' && c != '\t') {
        printable.setCharAt(i, (char) ('\u2400' + c));
      } else if (c >= '\u007F' && c < '\u00A0') {
        printable.setCharAt(i, '\u2421');
      }
    }
    return printable.toString();
  }
}
