package dev.cocktail.transformer.text;

import dev.cocktail.tensor.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a Jinja template into text, outputs and tags, and applies the white-space rules of Transformers while at it:
 * {@code trim_blocks}, {@code lstrip_blocks}, {@code -} and {@code +} markers, one newline dropped at the very end.
 */
final class TemplateLexer {
  /** What an element of an expression is. */
  enum Kind {
    NAME,
    STRING,
    NUMBER,
    OPERATOR
  }

  /** An element of an expression; {@code text} of a string is its value, without quotes and escapes. */
  record Token(Kind kind, String text) {
    boolean is(String wanted) {
      return (kind == Kind.NAME || kind == Kind.OPERATOR) && text.equals(wanted);
    }
  }

  /** A piece of a template. */
  sealed interface Piece {
    /** Text that comes out as it is. */
    record Text(String text) implements Piece {}

    /** {@code {{ expression }}}. */
    record Output(List<Token> tokens, int line) implements Piece {}

    /** {@code {% name ... %}}. */
    record Tag(String name, List<Token> tokens, int line) implements Piece {}
  }

  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "<", ">", "=", "~", "|", "(", ")", "[", "]", "{",
          "}", ",", ".", ":");

  private final String name;
  private final String source;
  private final List<Piece> pieces = new ArrayList<>();
  private int at;

  private TemplateLexer(String name, String source) {
    this.name = name;
    this.source = source;
  }

  static List<Piece> cut(String name, String source) {
    var text = source.replace("\r\n", "\n").replace('\r', '\n');
    if (text.endsWith("\n")) {
      text = text.substring(0, text.length() - 1);
    }
    var lexer = new TemplateLexer(name, text);
    lexer.run();
    return lexer.pieces;
  }

  private void run() {
    var lineStarting = true;
    while (at < source.length()) {
      var open = nextOpening();
      var text = source.substring(at, open);
      if (open == source.length()) {
        addText(text);
        return;
      }
      var kind = source.charAt(open + 1);
      var marker = open + 2 < source.length() ? source.charAt(open + 2) : ' ';
      if (marker == '-') {
        text = stripEnd(text);
      } else if (kind != '{' && marker != '+') {
        text = stripIndent(text, lineStarting);
      }
      addText(text);
      var start = open;
      at = open + 2 + (marker == '-' || marker == '+' ? 1 : 0);
      var close =
          switch (kind) {
            case '#' -> skipComment(start);
            case '{' -> readOutput(start);
            default -> readTag(start);
          };
      lineStarting = afterClosing(close, kind != '{');
    }
  }

  private int nextOpening() {
    for (var i = at; i + 1 < source.length(); i++) {
      if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return source.length();
  }

  /** Drops white space that the closing marker asks for; says whether what follows begins a line. */
  private boolean afterClosing(char marker, boolean isBlock) {
    if (marker == '-') {
      var from = at;
      while (at < source.length() && isSpace(source.charAt(at))) {
        at++;
      }
      return at > from && source.charAt(at - 1) == '\n';
    }
    if (isBlock && marker != '+' && at < source.length() && source.charAt(at) == '\n') {
      at++;
      return true;
    }
    return false;
  }

  private char skipComment(int start) {
    var end = source.indexOf("#}", at);
    if (end < 0) {
      throw broken(start, "a comment that begins with {# does not end");
    }
    var marker = end > at ? source.charAt(end - 1) : ' ';
    at = end + 2;
    return marker == '-' || marker == '+' ? marker : ' ';
  }

  private char readOutput(int start) {
    var tokens = new ArrayList<Token>();
    var marker = readTokens(start, "}}", tokens);
    pieces.add(new Piece.Output(List.copyOf(tokens), line(start)));
    return marker;
  }

  private char readTag(int start) {
    var tokens = new ArrayList<Token>();
    var marker = readTokens(start, "%}", tokens);
    if (tokens.isEmpty() || tokens.getFirst().kind() != Kind.NAME) {
      throw broken(start, "a tag without a name");
    }
    var tag = tokens.removeFirst().text();
    pieces.add(new Piece.Tag(tag, List.copyOf(tokens), line(start)));
    return marker;
  }

  private char readTokens(int start, String closing, List<Token> tokens) {
    var depth = 0;
    while (at < source.length()) {
      var c = source.charAt(at);
      if (isSpace(c)) {
        at++;
        continue;
      }
      if (depth == 0) {
        if (source.startsWith(closing, at)) {
          at += 2;
          return ' ';
        }
        if ((c == '-' || c == '+') && source.startsWith(closing, at + 1)) {
          at += 3;
          return c;
        }
      }
      if (c == '\'' || c == '"') {
        tokens.add(readString(c));
      } else if (isNameStart(c)) {
        var from = at;
        while (at < source.length() && (isNameStart(source.charAt(at)) || isDigit(source.charAt(at)))) {
          at++;
        }
        tokens.add(new Token(Kind.NAME, source.substring(from, at)));
      } else if (isDigit(c)) {
        var from = at;
        while (at < source.length() && (isDigit(source.charAt(at)) || isFraction(at))) {
          at++;
        }
        tokens.add(new Token(Kind.NUMBER, source.substring(from, at)));
      } else {
        var operator = operator(start);
        depth += "([{".contains(operator) ? 1 : ")]}".contains(operator) ? -1 : 0;
        tokens.add(new Token(Kind.OPERATOR, operator));
        at += operator.length();
      }
    }
    throw broken(start, "a tag or an output does not end");
  }

  private boolean isFraction(int i) {
    return source.charAt(i) == '.' && i + 1 < source.length() && isDigit(source.charAt(i + 1));
  }

  private String operator(int start) {
    for (var operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        return operator;
      }
    }
    throw broken(start, "the character '" + source.charAt(at) + "' in an expression");
  }

  private Token readString(char quote) {
    var start = at++;
    var value = new StringBuilder();
    while (at < source.length() && source.charAt(at) != quote) {
      var c = source.charAt(at++);
      if (c != '\\') {
        value.append(c);
        continue;
      }
      if (at == source.length()) {
        break;
      }
      var escape = source.charAt(at++);
      switch (escape) {
        case 'n' -> value.append('\n');
        case 't' -> value.append('\t');
        case 'r' -> value.append('\r');
        case '\\', '\'', '"' -> value.append(escape);
        case '\n' -> {}
        default -> throw broken(start, "the escape \\" + escape + " in a string");
      }
    }
    if (at >= source.length()) {
      throw broken(start, "a string does not end");
    }
    at++;
    return new Token(Kind.STRING, value.toString());
  }

  private void addText(String text) {
    if (!text.isEmpty()) {
      pieces.add(new Piece.Text(text));
    }
  }

  private InvalidInputException broken(int position, String what) {
    return ChatTemplate.unsupported(name, line(position), what);
  }

  private int line(int position) {
    return 1 + (int) source.substring(0, position).chars().filter(c -> c == '\n').count();
  }

  private static String stripEnd(String text) {
    var end = text.length();
    while (end > 0 && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  private static String stripIndent(String text, boolean lineStarting) {
    var from = text.lastIndexOf('\n') + 1;
    if (from == 0 && !lineStarting) {
      return text;
    }
    for (var i = from; i < text.length(); i++) {
      if (!isSpace(text.charAt(i))) {
        return text;
      }
    }
    return text.substring(0, from);
  }

  private static boolean isSpace(char c) {
    return PythonText.isSpace(c);
  }

  private static boolean isNameStart(char c) {
    return c == '_' || Character.isLetter(c);
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }
}
