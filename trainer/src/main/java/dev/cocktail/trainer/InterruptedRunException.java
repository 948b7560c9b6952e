package dev.cocktail.trainer;

/** The user interrupted the work, and what there was to save has been saved. Programs end with exit code 130. */
public final class InterruptedRunException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what was saved and how to continue
   */
  public InterruptedRunException(String message) {
    super(message);
  }
}
