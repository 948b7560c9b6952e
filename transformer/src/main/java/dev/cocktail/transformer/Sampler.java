package dev.cocktail.transformer;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import java.util.Arrays;
import java.util.PriorityQueue;

/**
 * Draws tokens from logits: temperature, then top-k, then top-p, then one draw from what is left. Equal logits rank by
 * their id, the smaller first. A draw depends on seed, prompt and position alone, never on what else is in the batch.
 */
final class Sampler {
  /** Keeps these numbers apart from other uses of the same seed. */
  private static final long STREAM = 0x67656E6572617465L;

  private final double temperature;
  private final int topK;
  private final double topP;
  private final long seed;

  Sampler(GenerationSettings settings) {
    this.temperature = settings.temperature();
    this.topK = settings.topK();
    this.topP = settings.topP();
    this.seed = settings.seed();
  }

  /**
   * Draws one token.
   *
   * @param logits host tensor, floating [V]
   */
  int draw(Tensor logits, int prompt, int position) {
    int vocabulary = Math.toIntExact(logits.elements());
    double[] weights = new double[vocabulary];
    double max = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < vocabulary; v++) {
      weights[v] = logits.get(v) / temperature;
      max = Math.max(max, weights[v]);
    }
    if (!Double.isFinite(max)) {
      throw new IllegalStateException(
          "the logits of prompt " + prompt + " at position " + position + " are not finite");
    }
    double total = 0;
    for (int v = 0; v < vocabulary; v++) {
      weights[v] = Math.exp(weights[v] - max);
      total += weights[v];
    }
    double uniform = uniform(prompt, position);
    if (topK == 0 && topP == 1) {
      return pick(weights, null, total, uniform);
    }
    int[] candidates = topK > 0 && topK < vocabulary ? likeliest(weights, topK) : plausible(weights, total);
    double kept = total;
    if (topK > 0) {
      kept = 0;
      for (int candidate : candidates) {
        kept += weights[candidate];
      }
    }
    return pick(weights, nucleus(weights, candidates, topP * kept), -1, uniform);
  }

  private double uniform(int prompt, int position) {
    RandomKey key = new RandomKey(seed, STREAM).derive(prompt);
    int high = Philox.word(key, 2L * position) >>> 5;
    int low = Philox.word(key, 2L * position + 1) >>> 6;
    return (high * 0x1p26 + low) * 0x1p-53;
  }

  /** The k likeliest, in order. */
  private static int[] likeliest(double[] weights, int k) {
    PriorityQueue<Integer> heap = new PriorityQueue<>((a, b) -> rank(weights, b, a));
    for (int v = 0; v < weights.length; v++) {
      if (heap.size() < k) {
        heap.add(v);
      } else if (rank(weights, v, heap.element()) < 0) {
        heap.remove();
        heap.add(v);
      }
    }
    return sorted(weights, heap.stream().mapToInt(Integer::intValue).toArray());
  }

  /**
   * All that could belong to the nucleus, in order: tokens of less than (1 - p) / V each have less than 1 - p together,
   * so the others reach p without them.
   */
  private int[] plausible(double[] weights, double total) {
    double least = (1 - topP) * total / weights.length;
    int[] ids = new int[weights.length];
    int count = 0;
    for (int v = 0; v < weights.length; v++) {
      if (weights[v] >= least) {
        ids[count++] = v;
      }
    }
    return sorted(weights, Arrays.copyOf(ids, count));
  }

  private static int[] sorted(double[] weights, int[] ids) {
    return Arrays.stream(ids).boxed().sorted((a, b) -> rank(weights, a, b)).mapToInt(Integer::intValue).toArray();
  }

  private static int rank(double[] weights, int a, int b) {
    int byWeight = Double.compare(weights[b], weights[a]);
    return byWeight != 0 ? byWeight : Integer.compare(a, b);
  }

  /** The shortest beginning of the candidates that reaches the mass; all where rounding keeps them from it. */
  private static int[] nucleus(double[] weights, int[] candidates, double mass) {
    double sum = 0;
    for (int i = 0; i < candidates.length; i++) {
      sum += weights[candidates[i]];
      if (sum >= mass) {
        return Arrays.copyOf(candidates, i + 1);
      }
    }
    return candidates;
  }

  /** The token at which the running sum passes {@code uniform} of the whole; ids null for the whole vocabulary. */
  private static int pick(double[] weights, int[] ids, double knownTotal, double uniform) {
    int count = ids == null ? weights.length : ids.length;
    double total = knownTotal;
    if (total < 0) {
      total = 0;
      for (int id : ids) {
        total += weights[id];
      }
    }
    double threshold = uniform * total;
    double sum = 0;
    int last = -1;
    for (int i = 0; i < count; i++) {
      int id = ids == null ? i : ids[i];
      sum += weights[id];
      if (weights[id] > 0) {
        last = id;
        if (sum > threshold) {
          return id;
        }
      }
    }
    return last;
  }
}
