package dev.cocktail.trainer;

import dev.cocktail.trainer.data.StepBatch;

/** The batches of a plan, the next of which can be packed while a device computes. */
final class PreparedBatches {
  private final TrainingPlan plan;
  private int number = -1;
  private StepBatch prepared;

  PreparedBatches(TrainingPlan plan) {
    this.plan = plan;
  }

  /** Packs a step's batch, if there is such a step. */
  void prepare(int step) {
    if (step < plan.steps()) {
      prepared = plan.batch(step);
      number = step;
    }
  }

  /** The batch of a step, which is then forgotten. */
  StepBatch get(int step) {
    StepBatch batch = number == step ? prepared : plan.batch(step);
    prepared = null;
    number = -1;
    return batch;
  }
}
