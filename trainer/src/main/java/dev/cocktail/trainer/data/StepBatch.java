package dev.cocktail.trainer.data;

import java.util.List;

/** What one optimiser step learns from: micro-batches whose gradients add up before the step. */
public record StepBatch(List<MicroBatch> microBatches) {
  public StepBatch {
    microBatches = List.copyOf(microBatches);
  }

  /** Number of tokens of all micro-batches. */
  public int tokens() {
    return microBatches.stream().mapToInt(MicroBatch::tokens).sum();
  }

  /** Number of tokens that are learnt: what the loss is a mean over. */
  public int supervisedTokens() {
    return microBatches.stream().mapToInt(MicroBatch::supervisedTokens).sum();
  }
}
