package dev.cocktail.trainer;

/** A run cannot go on, though its input was in order; what was learnt until then is intact. */
public final class TrainingFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int step;

  TrainingFailedException(int step, String message) {
    super(message);
    this.step = step;
  }

  /** The same failure, with what the user can do about it. */
  TrainingFailedException withAdvice(String advice) {
    var advised = new TrainingFailedException(step, getMessage() + "; " + advice);
    advised.setStackTrace(getStackTrace());
    return advised;
  }

  /** The step, from 1, that could not be taken. */
  public int step() {
    return step;
  }
}
