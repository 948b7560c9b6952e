package dev.cocktail.trainer;

import dev.cocktail.tensor.Variable;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.transformer.LinearModule;
import dev.cocktail.transformer.Phi3Config;
import dev.cocktail.transformer.Phi3Model;
import java.util.OptionalInt;
import java.util.Set;

/**
 * How many floating-point operations a training step needs, however it is computed: layers that are recomputed and
 * padding count nothing. A product's weight takes 2 for each token forward and 2 for the gradient of its input, and 2
 * more for its own gradient where it is trained; a pair of tokens that see each other takes 4 a head dimension forward
 * and 8 backward. The output projection counts for tokens with a target only.
 *
 * @param perToken operations for each token
 * @param perTarget operations for each token with a target
 * @param perPair operations for each pair of tokens that see each other
 * @param window how many latest keys a query sees, itself included; empty for all
 */
record StepArithmetic(double perToken, double perTarget, double perPair, OptionalInt window) {
  private static final int FROZEN = 4;
  private static final int TRAINED = 6;
  private static final int ATTENTION = 12;

  static StepArithmetic of(Phi3Model model, Trainable trainable) {
    Phi3Config config = model.config();
    Set<Variable> ofModel = Set.copyOf(model.weights().values());
    double perToken = 0;
    for (LinearModule module : model.linearModules()) {
      perToken += products(module.weight());
    }
    for (Variable parameter : trainable.parameters().values()) {
      if (!ofModel.contains(parameter) && parameter.value().shape().rank() == 2) {
        perToken += products(parameter); // an adapter's matrices
      }
    }
    double pair = (double) ATTENTION * config.layers() * config.heads() * config.headDim();
    return new StepArithmetic(perToken, products(model.outputWeight()), pair, config.slidingWindow());
  }

  private static double products(Variable weight) {
    return (double) (weight.isParameter() ? TRAINED : FROZEN) * weight.value().elements();
  }

  /** Operations of a step. */
  double of(StepBatch batch) {
    double operations = 0;
    for (MicroBatch micro : batch.microBatches()) {
      for (MicroBatch.Sequence sequence : micro.sequences()) {
        operations += of(sequence.example().length(), sequence.example().supervisedTokens());
      }
    }
    return operations;
  }

  private double of(int tokens, int targets) {
    long seen = Math.min(tokens, window.orElse(Integer.MAX_VALUE));
    double pairs = seen * (seen + 1) / 2.0 + (double) (tokens - seen) * seen;
    return tokens * perToken + targets * perTarget + pairs * perPair;
  }
}
