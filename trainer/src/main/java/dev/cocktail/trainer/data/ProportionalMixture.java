package dev.cocktail.trainer.data;

import dev.cocktail.tensor.RandomKey;
import java.util.Arrays;
import java.util.List;

/**
 * Every task in proportion to its size: an epoch holds each example of each task once, all shuffled together, in
 * another order in every epoch.
 */
public final class ProportionalMixture implements Mixture {
  /** Keeps the order's numbers apart from those of other users of the same seed. */
  private static final long STREAM = 0x6D697874;

  /** The order of one epoch: which of all examples, counted through the tasks, comes at each place. */
  private record Epoch(long number, int[] order) {}

  private final int[] ends;
  private final RandomKey key;
  private volatile Epoch latest;

  /**
   * A mixture of tasks with these numbers of examples.
   *
   * @param sizes at least one task, each with at least one example
   */
  public ProportionalMixture(List<Integer> sizes, long seed) {
    if (sizes.isEmpty()) {
      throw new IllegalArgumentException("a mixture without tasks");
    }
    ends = new int[sizes.size()];
    var end = 0;
    for (var task = 0; task < ends.length; task++) {
      if (sizes.get(task) < 1) {
        throw new IllegalArgumentException("task " + task + " has " + sizes.get(task) + " examples");
      }
      end = Math.addExact(end, sizes.get(task));
      ends[task] = end;
    }
    key = new RandomKey(seed, 0).derive(STREAM);
  }

  @Override
  public int taskCount() {
    return ends.length;
  }

  @Override
  public int drawsPerEpoch() {
    return ends[ends.length - 1];
  }

  @Override
  public Draw draw(long number) {
    if (number < 0) {
      throw new IllegalArgumentException("draw " + number);
    }
    var place = (int) (number % drawsPerEpoch());
    var index = epoch(number / drawsPerEpoch()).order()[place];
    var found = Arrays.binarySearch(ends, index);
    var task = found >= 0 ? found + 1 : -found - 1;
    return new Draw(task, task == 0 ? index : index - ends[task - 1]);
  }

  @Override
  public double plannedShare(int task, long from, long to) {
    var size = task == 0 ? ends[0] : ends[task] - ends[task - 1];
    return (double) size / drawsPerEpoch();
  }

  private Epoch epoch(long number) {
    var epoch = latest;
    if (epoch == null || epoch.number() != number) {
      epoch = new Epoch(number, Permutations.shuffled(drawsPerEpoch(), key.derive(number)));
      latest = epoch;
    }
    return epoch;
  }
}
