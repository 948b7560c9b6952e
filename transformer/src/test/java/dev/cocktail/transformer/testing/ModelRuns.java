package dev.cocktail.transformer.testing;

import dev.cocktail.tensor.Tape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.Variable;
import dev.cocktail.transformer.ForwardObserver;
import dev.cocktail.transformer.LinearTransform;
import dev.cocktail.transformer.Phi3Model;
import dev.cocktail.transformer.TokenBatch;
import dev.cocktail.transformer.TokenSequence;
import java.util.List;

/** Whole passes in one call, with results copied out of the step's memory. */
public final class ModelRuns {
  private ModelRuns() {}

  /** Logits of the base model for all tokens, F64 [T,V]. */
  public static Tensor logits(Phi3Model model, List<TokenSequence> sequences) {
    return logits(model, sequences, LinearTransform.BASE);
  }

  /** Logits of all tokens under a transform, F64 [T,V]. */
  public static Tensor logits(Phi3Model model, List<TokenSequence> sequences, LinearTransform transform) {
    try (TensorArena arena = model.device().openArena("test step");
        Tape tape = Tape.inference(model.device(), arena)) {
      TokenBatch batch = TokenBatch.pack(model.config(), model.device(), arena, sequences);
      Variable hidden = model.forward(tape, batch, transform, ForwardObserver.NONE);
      return Golden.copy(model.logits(tape, hidden, null));
    }
  }

  /**
   * Runs forward and backward, so that gradients gather in the parameters of model and transform.
   *
   * @return the sum of weighted losses
   */
  public static double lossAndGradients(
      Phi3Model model, List<TokenSequence> sequences, LinearTransform transform, boolean recompute) {
    try (TensorArena arena = model.device().openArena("test step");
        Tape tape = Tape.recording(model.device(), arena)) {
      TokenBatch batch = TokenBatch.pack(model.config(), model.device(), arena, sequences);
      Variable hidden = model.forward(tape, batch, transform, ForwardObserver.NONE, recompute);
      Tensor losses = model.loss(tape, hidden, batch);
      double sum = 0;
      for (long t = 0; t < losses.elements(); t++) {
        sum += losses.get(t) * batch.lossWeights().get(t);
      }
      tape.backward();
      return sum;
    }
  }
}
