package dev.cocktail.trainer.config;

import dev.cocktail.tensor.InvalidInputException;

/**
 * What stands between the values of a line: one character, of which a tab is written {@code tab}.
 *
 * @param character any but those that end lines and the double quote
 */
public record Separator(char character) {
  private static final String TAB = "tab";

  static Separator parse(String text) {
    if (text.equals(TAB)) {
      return new Separator('\t');
    }
    if (text.length() != 1 || "\r\n\"\0".contains(text) || Character.isSurrogate(text.charAt(0))) {
      throw new InvalidInputException("'" + Scalars.shortened(text) + "' is not one character, or tab");
    }
    return new Separator(text.charAt(0));
  }

  @Override
  public String toString() {
    return character == '\t' ? TAB : String.valueOf(character);
  }
}
