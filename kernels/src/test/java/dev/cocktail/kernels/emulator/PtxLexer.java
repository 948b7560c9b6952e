package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.List;

/** Splits PTX text into tokens: words (which may contain dots, as opcodes do), numbers, strings and single signs. */
final class PtxLexer {
  /** A token and the line it stands in, from 1. */
  record Token(String text, int line) {
    boolean is(String expected) {
      return text.equals(expected);
    }

    boolean isWord() {
      char first = text.charAt(0);
      return isWordStart(first) && !(first == '_' && text.length() == 1) || text.equals("_");
    }

    boolean isNumber() {
      return Character.isDigit(text.charAt(0));
    }
  }

  private final String text;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;

  private PtxLexer(String text) {
    this.text = text;
  }

  static List<Token> tokens(String text) {
    PtxLexer lexer = new PtxLexer(text);
    lexer.scan();
    return lexer.tokens;
  }

  private static boolean isWordStart(char c) {
    return c == '.' || c == '%' || c == '$' || c == '_' || Character.isLetter(c);
  }

  private static boolean isWordPart(char c) {
    return isWordStart(c) || Character.isDigit(c);
  }

  private void scan() {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '\n') {
        line++;
        at++;
      } else if (Character.isWhitespace(c)) {
        at++;
      } else if (text.startsWith("//", at)) {
        int end = text.indexOf('\n', at);
        at = end < 0 ? text.length() : end;
      } else if (text.startsWith("/*", at)) {
        int end = text.indexOf("*/", at);
        int stop = end < 0 ? text.length() : end + 2;
        line += (int) text.substring(at, stop).chars().filter(each -> each == '\n').count();
        at = stop;
      } else if (c == '"') {
        int end = text.indexOf('"', at + 1);
        if (end < 0) {
          throw new EmulatorFault("line " + line + ": a string does not end");
        }
        add(end + 1);
      } else if (Character.isDigit(c)) {
        int end = at;
        while (end < text.length() && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '.')) {
          end++;
        }
        add(end);
      } else if (isWordStart(c)) {
        int end = at + 1;
        while (end < text.length() && (isWordPart(text.charAt(end)) || text.startsWith("::", end))) {
          end += text.charAt(end) == ':' ? 2 : 1;
        }
        add(end);
      } else {
        add(at + 1);
      }
    }
  }

  private void add(int end) {
    tokens.add(new Token(text.substring(at, end), line));
    at = end;
  }
}
