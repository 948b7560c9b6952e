package dev.cocktail.trainer;

/** A run cannot go on, though its input was in order; what was learnt until then is intact. */
public final class TrainingFailedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int step;
  private final int keptSteps;
  private final String reason;

  TrainingFailedException(int step, int keptSteps, String message) {
    this(step, keptSteps, message, message);
  }

  private TrainingFailedException(int step, int keptSteps, String reason, String message) {
    super(message);
    this.step = step;
    this.keptSteps = keptSteps;
    this.reason = reason;
  }

  /** The same failure, with what the user can do about it. */
  TrainingFailedException withAdvice(String advice) {
    var advised = new TrainingFailedException(step, keptSteps, reason, getMessage() + "; " + advice);
    advised.setStackTrace(getStackTrace());
    return advised;
  }

  /** What went wrong, without advice and places. */
  public String reason() {
    return reason;
  }

  /** The step, from 1, that could not be taken, or after which the validation loss was no number. */
  public int step() {
    return step;
  }

  /** How many steps the parameters have learnt from: where it can be, they are the last whose loss was a number. */
  public int keptSteps() {
    return keptSteps;
  }
}
