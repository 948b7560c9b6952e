package dev.cocktail.eval;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.ForwardObserver;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The losses of sequences: minus the sums of their targets' log-likelihoods. */
final class SequenceLosses {
  private final Phi3Model model;
  private final LinearTransform transform;
  private final int batchTokens;

  SequenceLosses(Phi3Model model, LinearTransform transform, int batchTokens) {
    this.model = model;
    this.transform = transform;
    this.batchTokens = batchTokens;
  }

  /**
   * One sum of cross-entropies, in nats, for each sequence. Sequences are packed, the shortest first, up to the budget.
   *
   * @param between called before each batch; what it throws ends it
   */
  double[] of(List<TokenSequence> sequences, Runnable between) {
    double[] losses = new double[sequences.size()];
    List<Integer> sorted =
        IntStream.range(0, losses.length)
            .boxed()
            .sorted(Comparator.comparingInt(index -> sequences.get(index).length()))
            .toList();
    List<Integer> batch = new ArrayList<>();
    int tokens = 0;
    for (int index : sorted) {
      int length = sequences.get(index).length();
      if (!batch.isEmpty() && tokens + length > batchTokens) {
        between.run();
        run(sequences, batch, losses);
        batch.clear();
        tokens = 0;
      }
      batch.add(index);
      tokens += length;
    }
    if (!batch.isEmpty()) {
      between.run();
      run(sequences, batch, losses);
    }
    return losses;
  }

  private void run(List<TokenSequence> sequences, List<Integer> chosen, double[] losses) {
    Device device = model.device();
    try (TensorArena step = device.openArena("evaluation step");
        Tape tape = Tape.inference(device, step)) {
      TokenBatch batch = TokenBatch.pack(model.config(), device, step, chosen.stream().map(sequences::get).toList());
      Variable hidden = model.forward(tape, batch, transform, ForwardObserver.NONE);
      Tensor found = model.loss(tape, hidden, batch);
      Tensor host = Tensor.zerosOnHost(found.dtype(), found.shape());
      device.copyToHost(host, found);
      device.synchronize();
      for (int b = 0; b < chosen.size(); b++) {
        double sum = 0;
        for (int t = batch.sequences().offset(b); t < batch.sequences().offset(b + 1); t++) {
          sum += host.get(t);
        }
        losses[chosen.get(b)] = sum;
      }
    }
  }
}
