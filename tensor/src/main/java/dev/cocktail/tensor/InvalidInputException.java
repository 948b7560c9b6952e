package dev.cocktail.tensor;

/**
 * Something a user gave is wrong: a file, a configuration, an argument. The message stands alone: it says what is
 * wrong, where, what was expected and what to do. Programs end with exit code 2 and print the message without a stack
 * trace.
 */
public class InvalidInputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidInputException(String message) {
    super(message);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(message, cause);
  }
}
