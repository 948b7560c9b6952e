package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.List;

/**
 * Continues prompts. Prompts of different lengths run together without padding, each in a slot of a key/value cache;
 * those that finish leave, and waiting ones take their places. What a prompt becomes does not depend on its neighbours.
 *
 * <p>With longrope, a sequence that outgrows the short factors is rotated anew from its beginning with the long ones,
 * so that every token is chosen exactly as if the whole sequence were computed from scratch at each step.
 */
public final class Generator {
  private final Phi3Model model;
  private final LinearTransform transform;

  /**
   * A generator.
   *
   * @param transform what stands in the place of the linear projections: {@link LinearTransform#BASE} or adapters
   */
  public Generator(Phi3Model model, LinearTransform transform) {
    this.model = requireNonNull(model, "model");
    this.transform = requireNonNull(transform, "transform");
  }

  /**
   * Continues every prompt until a stop token, the wanted number of tokens, or the end of the context.
   *
   * @return one result for each prompt, in their order
   * @throws InvalidInputException when a prompt is empty, is longer than the context, or has a token that is not in the
   *     vocabulary
   */
  public List<Generated> generate(List<int[]> prompts, GenerationSettings settings, GenerationListener listener) {
    for (int prompt = 0; prompt < prompts.size(); prompt++) {
      check(prompt, prompts.get(prompt));
    }
    if (prompts.isEmpty()) {
      return List.of();
    }
    try (var run = new GenerationRun(model, transform, prompts, settings, listener)) {
      return run.finish();
    }
  }

  private void check(int prompt, int[] ids) {
    int context = model.config().maxPositions();
    if (ids.length == 0) {
      throw new InvalidInputException("prompt " + prompt + " is empty; it needs at least one token");
    }
    if (ids.length >= context) {
      throw new InvalidInputException(
          "prompt "
              + prompt
              + " is longer than the context: it has "
              + ids.length
              + " tokens, and the model's "
              + context
              + " must also hold what is generated; shorten it to "
              + (context - 1)
              + " tokens or fewer");
    }
    for (int id : ids) {
      if (id < 0 || id >= model.config().vocabSize()) {
        throw new InvalidInputException(
            "prompt "
                + prompt
                + " has token "
                + id
                + ", which is outside the vocabulary of "
                + model.config().vocabSize()
                + " tokens; is the tokenizer that of this model?");
      }
    }
  }
}
