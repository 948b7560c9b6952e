package dev.cocktail.tensor;

/**
 * Something a user gave is wrong: a file, a configuration, an argument. The message stands alone, on one line: it says
 * what is wrong, where, what was expected and what to do. Programs end with exit code 2 and print the message without a
 * stack trace.
 *
 * <p>Messages quote what was given, which may hold anything; characters that would break the line or command a terminal
 * are shown as escapes.
 */
public class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message) {
    super(printable(message));
  }

  public InvalidInputException(String message, Throwable cause) {
    super(printable(message), cause);
  }

  private static String printable(String message) {
    if (message.codePoints().noneMatch(InvalidInputException::isUnprintable)) {
      return message;
    }
    var line = new StringBuilder();
    message
        .codePoints()
        .forEach(c -> {
          if (c == '\n') {
            line.append("\\n");
          } else if (isUnprintable(c)) {
            line.append(String.format("\\u%04X", c));
          } else {
            line.appendCodePoint(c);
          }
        });
    return line.toString();
  }

  private static boolean isUnprintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SURROGATE -> true;
      default -> false;
    };
  }
}
