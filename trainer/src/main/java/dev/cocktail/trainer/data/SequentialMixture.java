package dev.cocktail.trainer.data;

import dev.cocktail.tensor.RandomKey;
import java.util.Arrays;
import java.util.List;

/**
 * One task after another: an epoch holds as many draws of the first task as it has examples, then those of the second,
 * and so on; the next epoch begins with the first task again.
 */
final class SequentialMixture implements Mixture {
  private static final long STREAM = 0x73657175;

  private final int[] ends;
  private final ExampleOrder[] orders;

  SequentialMixture(List<Integer> sizes, boolean replacement, long seed) {
    ends = new int[sizes.size()];
    orders = new ExampleOrder[ends.length];
    var key = new RandomKey(seed, 0).derive(STREAM);
    for (var task = 0; task < ends.length; task++) {
      ends[task] = Math.addExact(begin(task), sizes.get(task));
      orders[task] = new ExampleOrder(sizes.get(task), replacement, key.derive(task));
    }
  }

  private int begin(int task) {
    return task == 0 ? 0 : ends[task - 1];
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
    var found = Arrays.binarySearch(ends, place);
    var task = found >= 0 ? found + 1 : -found - 1;
    var size = ends[task] - begin(task);
    return new Draw(task, orders[task].example(number / drawsPerEpoch() * size + place - begin(task)));
  }

  /** What is known exactly here: how many of the draws are the task's. */
  @Override
  public double plannedShare(int task, long from, long to) {
    return (double) (drawnBefore(task, to) - drawnBefore(task, from)) / (to - from);
  }

  private long drawnBefore(int task, long number) {
    var size = ends[task] - begin(task);
    var ofEpoch = number % drawsPerEpoch() - begin(task);
    return number / drawsPerEpoch() * size + Math.clamp(ofEpoch, 0, size);
  }
}
