package dev.cocktail.transformer.text;

/**
 * Stand-ins for two words of messages that Jinjava would mistake: a text that is "false" counts as false there, and
 * "null" is what an undefined value prints as. While a template renders, characters that are never part of Unicode text
 * stand in their place, as many as the word has.
 */
final class StandIns {
  private static final char FIRST = '\uFDD2';
  private static final char NULL = '\uFDDC';

  private StandIns() {}

  static String put(String content) {
    if (content.equalsIgnoreCase("false")) {
      var standIn = new StringBuilder();
      for (var i = 0; i < content.length(); i++) {
        standIn.append((char) (FIRST + 2 * i + (Character.isUpperCase(content.charAt(i)) ? 1 : 0)));
      }
      return standIn.toString();
    }
    return content.contains("null") ? content.replace("null", nullStandIn()) : content;
  }

  static String restore(String text) {
    StringBuilder restored = null;
    for (var i = 0; i < text.length(); i++) {
      var offset = text.charAt(i) - FIRST;
      if (offset < 0 || offset >= 14) {
        continue;
      }
      if (restored == null) {
        restored = new StringBuilder(text);
      }
      var letter = offset / 2;
      restored.setCharAt(
          i, offset >= 10 ? "null".charAt(offset - 10) : (offset % 2 == 0 ? "false" : "FALSE").charAt(letter));
    }
    return restored == null ? text : restored.toString();
  }

  private static String nullStandIn() {
    return "" + NULL + (char) (NULL + 1) + (char) (NULL + 2) + (char) (NULL + 3);
  }
}
