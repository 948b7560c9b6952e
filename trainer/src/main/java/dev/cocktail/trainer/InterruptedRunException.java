package dev.cocktail.trainer;

/** The user interrupted the work, and what there was to save has been saved. Programs end with exit code 130. */
public final class InterruptedRunException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message where it stopped and what was saved
   */
  public InterruptedRunException(String message) {
    super(message);
  }
}
