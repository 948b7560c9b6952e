package dev.cocktail.trainer;

/**
 * {@code result.json}: how a run ended, the states that its folder holds, after how many steps each of them is, and
 * what each came to.
 *
 * @param ending how the run ended
 * @param steps optimiser steps taken
 * @param plannedSteps how many there were to be
 * @param trained which of the states is the one that was trained: {@code best} where the run chooses, or {@code last}
 * @param before the validation sets before the first step; null without any
 * @param best null where none was chosen
 * @param last what the last step left
 */
record RunOutcome(Ending ending, int steps, int plannedSteps, String trained, Scores before, Saved best, Saved last) {
  static final String BEST = "best";
  static final String LAST = "last";

  /** How a run ended. */
  enum Ending {
    /** With its last step. */
    DONE,
    /** Before its last step, since it no longer improved. */
    STOPPED_EARLY,
    /** By the user; it can be continued. */
    INTERRUPTED,
    /** With an error. */
    FAILED;

    /** Whether there is nothing to be continued. */
    boolean isFinal() {
      return this == DONE || this == STOPPED_EARLY;
    }
  }

  /**
   * A state that was saved.
   *
   * @param folder its path in the run's folder
   * @param step number of steps it has behind it
   * @param criterion what the best was chosen by; null for the last
   * @param value the criterion's; null for the last
   * @param validation at the best's own step, and of the last at the last evaluation; null where there was none
   * @param test null where it was not scored on the test sets
   */
  record Saved(String folder, int step, String criterion, Double value, Scores validation, Scores test) {}
}
