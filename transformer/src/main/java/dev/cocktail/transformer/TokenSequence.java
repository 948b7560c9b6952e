package dev.cocktail.transformer;

import static java.util.Objects.requireNonNull;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * One sequence of a batch, on the host: its tokens, where they stand, what each shall predict.
 *
 * <p>The arrays are not copied; they must not be changed afterwards.
 */
public final class TokenSequence {
  /** A target that asks for nothing. */
  public static final int NO_TARGET = -1;

  /** The label by which data sets mark tokens that are not to be learnt. */
  public static final int IGNORED_LABEL = -100;

  private final int[] ids;
  private final int[] positions;
  private final int[] targets;
  private final float[] lossWeights;
  private final int task;
  private final int ropeLength;

  private TokenSequence(int[] ids, int[] positions, int[] targets, float[] lossWeights, int task, int ropeLength) {
    this.ids = requireNonNull(ids, "ids");
    this.positions = requireNonNull(positions, "positions");
    this.targets = requireNonNull(targets, "targets");
    this.lossWeights = requireNonNull(lossWeights, "lossWeights");
    this.task = task;
    this.ropeLength = ropeLength;
    if (positions.length != ids.length || targets.length != ids.length || lossWeights.length != ids.length) {
      throw new IllegalArgumentException(
          ids.length
              + " tokens with "
              + positions.length
              + " positions, "
              + targets.length
              + " targets, "
              + lossWeights.length
              + " weights");
    }
    for (int t = 1; t < positions.length; t++) {
      if (positions[t] != positions[t - 1] + 1) {
        throw new IllegalArgumentException("positions do not count up: " + positions[t] + " after " + positions[t - 1]);
      }
    }
  }

  /** Tokens at positions 0, 1, ... without targets. */
  public static TokenSequence of(int... ids) {
    int[] targets = new int[ids.length];
    Arrays.fill(targets, NO_TARGET);
    return new TokenSequence(ids, upTo(ids.length), targets, new float[ids.length], 0, ids.length);
  }

  /**
   * Tokens of which each shall predict the label of the next one, at positions 0, 1, ... Weights are 1 where there is a
   * target.
   *
   * @param labels one for each token: its id where it is to be learnt, {@link #IGNORED_LABEL} (or any negative number)
   *     where not; the first is never predicted
   */
  public static TokenSequence supervised(int[] ids, int[] labels) {
    if (labels.length != ids.length) {
      throw new IllegalArgumentException(ids.length + " tokens with " + labels.length + " labels");
    }
    int[] targets = new int[ids.length];
    for (int t = 0; t < ids.length; t++) {
      targets[t] = t + 1 < ids.length && labels[t + 1] >= 0 ? labels[t + 1] : NO_TARGET;
    }
    return of(ids).withTargets(targets);
  }

  private static int[] upTo(int length) {
    return IntStream.range(0, length).toArray();
  }

  /** The same tokens with the token that each shall predict (negative: none), and weights 1 where there is one. */
  public TokenSequence withTargets(int[] newTargets) {
    float[] weights = new float[newTargets.length];
    for (int t = 0; t < weights.length; t++) {
      weights[t] = newTargets[t] >= 0 ? 1 : 0;
    }
    return new TokenSequence(ids, positions, newTargets, weights, task, ropeLength);
  }

  /** The same sequence with the given weight on the loss of every token that has a target, and 0 elsewhere. */
  public TokenSequence weighted(double weight) {
    float[] weights = new float[ids.length];
    for (int t = 0; t < weights.length; t++) {
      weights[t] = targets[t] >= 0 ? (float) weight : 0;
    }
    return withLossWeights(weights);
  }

  /** The same sequence with a weight on each token's loss. */
  public TokenSequence withLossWeights(float[] weights) {
    return new TokenSequence(ids, positions, targets, weights, task, ropeLength);
  }

  /** The same sequence under a task's number. */
  public TokenSequence ofTask(int newTask) {
    return new TokenSequence(ids, positions, targets, lossWeights, newTask, ropeLength);
  }

  /** The same tokens, the first of them at position {@code first}; a given rope length is forgotten. */
  public TokenSequence startingAt(int first) {
    int[] moved = IntStream.range(first, first + ids.length).toArray();
    return new TokenSequence(ids, moved, targets, lossWeights, task, first + ids.length);
  }

  /**
   * The same sequence, rotated as if it were part of one with this many tokens: longrope chooses short or long factors
   * by it. By default the last position + 1, so that a sequence comes out the same whatever it is packed with; batches
   * that reproduce padded ones give the padded length.
   */
  public TokenSequence withRopeLength(int length) {
    return new TokenSequence(ids, positions, targets, lossWeights, task, length);
  }

  /** Number of tokens. */
  public int length() {
    return ids.length;
  }

  /** The tokens. */
  public int[] ids() {
    return ids;
  }

  /** Where each token stands. */
  public int[] positions() {
    return positions;
  }

  /** The token that each shall predict, negative where none. */
  public int[] targets() {
    return targets;
  }

  /** What each token's loss counts. */
  public float[] lossWeights() {
    return lossWeights;
  }

  /** The task's number. */
  public int task() {
    return task;
  }

  /** The length by which longrope chooses its factors. */
  public int ropeLength() {
    return ropeLength;
  }

  /** How many tokens have a target. */
  public int targetCount() {
    int count = 0;
    for (int target : targets) {
      count += target >= 0 ? 1 : 0;
    }
    return count;
  }
}
