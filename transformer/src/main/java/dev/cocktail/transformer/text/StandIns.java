package dev.cocktail.transformer.text;

/**
 * Stand-ins for what Jinjava would mistake in messages: a text that is "false" counts as false there, "null" is what an
 * undefined value prints as, and control characters are printed as escapes. While a template renders, characters that
 * are never part of Unicode text stand in their place, one for each character.
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
    var text = content.contains("null") ? content.replace("null", nullStandIn()) : content;
    if (text.chars().noneMatch(StandIns::isEscaped)) {
      return text;
    }
    var standIn = new StringBuilder();
    text.chars()
        .forEach(c -> {
          if (isEscaped(c)) {
            standIn.appendCodePoint(ofControl(c));
          } else {
            standIn.append((char) c);
          }
        });
    return standIn.toString();
  }

  private static boolean isEscaped(int c) {
    return c < ' ' && c != '\t' && c != '\n' && c != '\r';
  }

  /** The last two code points of each plane but the first are no characters: as many as there are controls. */
  private static int ofControl(int c) {
    return (c / 2 + 1 << 16) + 0xFFFE + c % 2;
  }

  private static boolean standsForControl(int codePoint) {
    return codePoint > 0xFFFF && (codePoint & 0xFFFE) == 0xFFFE;
  }

  static String restore(String text) {
    if (text.codePoints().noneMatch(c -> standsForControl(c) || c >= FIRST && c < FIRST + 14)) {
      return text;
    }
    var restored = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          var offset = c - FIRST;
          if (standsForControl(c)) {
            restored.append((char) (2 * ((c >> 16) - 1) + (c & 1)));
          } else if (offset >= 0 && offset < 14) {
            restored.append(
                offset >= 10 ? "null".charAt(offset - 10) : (offset % 2 == 0 ? "false" : "FALSE").charAt(offset / 2));
          } else {
            restored.appendCodePoint(c);
          }
        });
    return restored.toString();
  }

  private static String nullStandIn() {
    return "" + NULL + (char) (NULL + 1) + (char) (NULL + 2) + (char) (NULL + 3);
  }
}
