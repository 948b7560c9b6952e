package dev.cocktail.transformer;

import dev.cocktail.tensor.InvalidInputException;
import java.util.Set;

/**
 * How to continue prompts.
 *
 * @param maxNewTokens most tokens to add to a prompt
 * @param temperature what logits are divided by before drawing; 0 takes the likeliest token always
 * @param topK draw only among this many likeliest tokens; 0 for all
 * @param topP draw only among the fewest likeliest tokens that have this probability together; 1 for all
 * @param seed decides every draw, together with the prompt's index and the token's position
 * @param stopIds tokens after which a sequence is finished
 * @param maxBatch most sequences that run together; the others wait for a place
 */
public record GenerationSettings(
    int maxNewTokens, double temperature, int topK, double topP, long seed, Set<Integer> stopIds, int maxBatch) {
  private static final int DEFAULT_BATCH = 16;

  public GenerationSettings {
    stopIds = Set.copyOf(stopIds);
    require(maxNewTokens >= 1, "the number of new tokens", maxNewTokens, "at least 1");
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "the temperature",
        temperature,
        "0 (greedy) or a positive number");
    require(topK >= 0, "top-k", topK, "0 (off) or a positive number of tokens");
    require(topP > 0 && topP <= 1, "top-p", topP, "a probability above 0, up to 1 (off)");
    require(maxBatch >= 1, "the batch", maxBatch, "at least 1 sequence");
  }

  private static void require(boolean holds, String what, Object value, String expected) {
    if (!holds) {
      throw new InvalidInputException(what + " is " + value + "; expected " + expected);
    }
  }

  /** The likeliest token every time. */
  public static GenerationSettings greedy(int maxNewTokens, Set<Integer> stopIds) {
    return new GenerationSettings(maxNewTokens, 0, 0, 1, 0, stopIds, DEFAULT_BATCH);
  }

  /** Draws by probability. */
  public static GenerationSettings sampling(
      int maxNewTokens, double temperature, int topK, double topP, long seed, Set<Integer> stopIds) {
    return new GenerationSettings(maxNewTokens, temperature, topK, topP, seed, stopIds, DEFAULT_BATCH);
  }

  /** The same with another limit on sequences that run together. */
  public GenerationSettings withMaxBatch(int sequences) {
    return new GenerationSettings(maxNewTokens, temperature, topK, topP, seed, stopIds, sequences);
  }

  /** Whether no draws are made. */
  public boolean isGreedy() {
    return temperature == 0;
  }
}
