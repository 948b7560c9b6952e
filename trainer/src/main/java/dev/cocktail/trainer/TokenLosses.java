package dev.cocktail.trainer;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.TokenBatch;

/**
 * The losses of a batch's tokens, still on the device.
 *
 * @param batch whose they are
 * @param losses one a token
 */
record TokenLosses(TokenBatch batch, Tensor losses) {
  /** A copy in an arena that outlives the batch's own. */
  static TokenLosses keep(Device device, TensorArena arena, TokenBatch batch, Tensor losses) {
    Tensor copy = arena.allocate(losses.dtype(), losses.shape());
    device.ops().cast(copy, losses);
    return new TokenLosses(batch, copy);
  }

  /** Waits for the losses and adds each sequence's sum to its task's. */
  void addTo(TaskLoss[] byTask, Device device) {
    Tensor host = Tensor.zerosOnHost(losses.dtype(), losses.shape());
    device.copyToHost(host, losses);
    for (int b = 0; b < batch.sequences().count(); b++) {
      double sum = 0;
      for (int t = batch.sequences().offset(b); t < batch.sequences().offset(b + 1); t++) {
        sum += host.get(t);
      }
      TaskLoss loss = new TaskLoss(sum, batch.members().get(b).targetCount(), 1);
      byTask[batch.task(b)] = byTask[batch.task(b)].plus(loss);
    }
  }
}
