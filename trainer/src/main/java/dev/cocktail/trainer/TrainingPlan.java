package dev.cocktail.trainer;

import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.trainer.data.TaskShare;
import java.util.List;

/** All steps of a run, known before the first: the same plan gives the same batches however often it is asked. */
public interface TrainingPlan {
  /** Number of optimiser steps. */
  int steps();

  /** What a step learns from; steps count from 0. */
  StepBatch batch(int step);

  /** Passes over the data after that many steps, as a fraction. */
  double epochsAfter(int steps);

  /**
   * What part of the steps {@code [from, to)} is meant for each task, by the task's number.
   *
   * @param to above {@code from}
   */
  List<TaskShare> plannedShares(int from, int to);
}
