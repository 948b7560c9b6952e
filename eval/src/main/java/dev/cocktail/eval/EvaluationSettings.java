package dev.cocktail.eval;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Set;

/**
 * How to let a model answer.
 *
 * @param method where answers come from
 * @param maxNewTokens most tokens of a generated answer
 * @param batchTokens most tokens that are computed, or kept in the key/value cache, at once: what an evaluation needs
 *     of memory beside the model's own
 * @param stopIds tokens that end a generated answer
 */
public record EvaluationSettings(Method method, int maxNewTokens, int batchTokens, Set<Integer> stopIds) {
  /** Where answers come from. */
  public enum Method {
    /** The model writes the answer, taking the likeliest token each time, until it stops. */
    GENERATION,
    /**
     * The label that is likeliest as the whole answer: the one with the largest sum over its tokens, the end of the
     * turn included, of log p(token | prompt and tokens before). Longer labels have more factors below 1. The first in
     * the labels' order among equals.
     */
    LIKELIHOOD,
    /** As LIKELIHOOD, with the mean over a label's tokens instead of their sum, so that length does not count. */
    MEAN_LIKELIHOOD
  }

  public static final int DEFAULT_NEW_TOKENS = 32;
  public static final int DEFAULT_BATCH_TOKENS = 4096;

  public EvaluationSettings {
    requireNonNull(method, "method");
    stopIds = Set.copyOf(stopIds);
    if (maxNewTokens < 1) {
      throw new InvalidInputException("the number of new tokens is " + maxNewTokens + "; expected at least 1");
    }
    if (batchTokens < 2) {
      throw new InvalidInputException("the tokens at once are " + batchTokens + "; expected at least 2");
    }
  }

  /** Answers that the model writes. */
  public static EvaluationSettings generation(Set<Integer> stopIds) {
    return new EvaluationSettings(Method.GENERATION, DEFAULT_NEW_TOKENS, DEFAULT_BATCH_TOKENS, stopIds);
  }

  /** Answers chosen among the labels by the sum of their tokens' log-likelihoods. */
  public static EvaluationSettings likelihood() {
    return new EvaluationSettings(Method.LIKELIHOOD, 1, DEFAULT_BATCH_TOKENS, Set.of());
  }

  /** The same with another limit on the answers' length. */
  public EvaluationSettings withMaxNewTokens(int tokens) {
    return new EvaluationSettings(method, tokens, batchTokens, stopIds);
  }

  /** The same with another limit on tokens at once. */
  public EvaluationSettings withBatchTokens(int tokens) {
    return new EvaluationSettings(method, maxNewTokens, tokens, stopIds);
  }
}
