package dev.cocktail.tensor;

/**
 * The numbers of one AdamW step (Loshchilov and Hutter, 2019), as PyTorch defines it.
 *
 * @param learningRate lr, at least 0
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the bias-corrected second moment
 * @param weightDecay decoupled decay; a parameter is first multiplied by 1 - lr * weightDecay
 * @param step number of this step, from 1
 */
public record AdamW(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, long step) {
  public AdamW {
    if (!(learningRate >= 0)
        || !(beta1 >= 0 && beta1 < 1)
        || !(beta2 >= 0 && beta2 < 1)
        || !(epsilon >= 0)
        || !(weightDecay >= 0)
        || step < 1) {
      throw new IllegalArgumentException(
          "impossible AdamW step: lr "
              + learningRate
              + ", betas "
              + beta1
              + " and "
              + beta2
              + ", epsilon "
              + epsilon
              + ", weight decay "
              + weightDecay
              + ", step "
              + step);
    }
  }
}
