package dev.cocktail.trainer;

import dev.cocktail.eval.Evaluation;
import dev.cocktail.eval.answer.AnswerForm.Reading;
import dev.cocktail.eval.metric.Metric;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code result.json}: what a run's folder holds now, and after how many steps.
 *
 * @param ending how the run ended
 * @param steps optimiser steps taken
 * @param plannedSteps how many there were to be
 * @param trained what was trained; the best where the run chooses
 * @param last what the last step left; null where that is what was trained
 * @param before validation loss of each task before the first step
 * @param after validation loss of each task at the last evaluation
 * @param test of what was scored on the test sets, {@code best} or {@code last}, each task's metrics, read strictly
 */
record RunOutcome(
    Ending ending,
    int steps,
    int plannedSteps,
    Saved trained,
    Saved last,
    Map<String, TaskLoss> before,
    Map<String, TaskLoss> after,
    Map<String, Map<String, Map<String, Double>>> test) {
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
   * A folder of the run.
   *
   * @param folder its path in the run's folder
   * @param which {@code best} or {@code last}
   * @param step number of steps it has behind it
   * @param criterion what the best was chosen by; null where it was not
   * @param value the criterion's; null where there is none
   */
  record Saved(String folder, String which, int step, String criterion, Double value) {}

  RunOutcome {
    before = Collections.unmodifiableMap(new LinkedHashMap<>(before));
    after = Collections.unmodifiableMap(new LinkedHashMap<>(after));
    test = Collections.unmodifiableMap(new LinkedHashMap<>(test));
  }

  /** The metrics of evaluations, by what was scored and task. */
  static Map<String, Map<String, Map<String, Double>>> strict(Map<String, Map<String, Evaluation>> tests) {
    Map<String, Map<String, Map<String, Double>>> all = new LinkedHashMap<>();
    tests.forEach((which, evaluations) -> {
      Map<String, Map<String, Double>> tasks = new LinkedHashMap<>();
      evaluations.forEach((task, evaluation) -> {
        Map<String, Double> values = new LinkedHashMap<>();
        for (Metric metric : evaluation.task().metrics()) {
          evaluation.value(metric, Reading.STRICT).ifPresent(value -> values.put(metric.label(), value));
        }
        tasks.put(task, values);
      });
      all.put(which, tasks);
    });
    return all;
  }
}
