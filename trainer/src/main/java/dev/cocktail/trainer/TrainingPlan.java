package dev.cocktail.trainer;

import dev.cocktail.trainer.data.StepBatch;

/** All steps of a run, known before the first: the same plan gives the same batches however often it is asked. */
public interface TrainingPlan {
  /** Number of optimiser steps. */
  int steps();

  /** What a step learns from; steps count from 0. */
  StepBatch batch(int step);

  /** Passes over the data after that many steps, as a fraction. */
  double epochsAfter(int steps);
}
