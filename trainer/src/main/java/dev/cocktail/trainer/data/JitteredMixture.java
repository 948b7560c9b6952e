package dev.cocktail.trainer.data;

import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import java.util.Arrays;
import java.util.List;

/**
 * Tasks drawn at given rates, closer to them than independent draws would be.
 *
 * <p><b>Method.</b> Jittered sampling of a line of time, on which all K tasks together come about once a unit. The draw
 * of rank j of a task with rate p (its share of the draws) has the time {@code (j + u) / p}, where u is uniform in [0,
 * 1) and of that task and rank alone. All draws in the order of their times are the mixture: draw n is the n-th of
 * them. Which example of its task a draw takes is up to its rank, see {@link ExampleOrder}.
 *
 * <p><b>Bound.</b> At any time t a task has been drawn {@code floor(t p)} or {@code floor(t p) + 1} times, and {@code t
 * p} times in expectation, exactly. So each task is off {@code t p} by less than 1, all of them together are off t by
 * less than K, and among the first n draws a task is off {@code n p} by less than {@code (1 - p) + (K - 1) p = 1 + (K -
 * 2) p}; in any window of draws, by less than twice that, however long the window and wherever it begins. Independent
 * draws would be off by some {@code sqrt(n p (1 - p))}, which has no bound. Nothing drifts: the bias of the first n
 * draws has the same bound, so that of their shares vanishes as {@code 1 / n}; with equal rates every draw is of each
 * task with the same probability, and every K draws from the start hold each task once.
 *
 * <p><b>Cost.</b> Since a task's count at time t is known to within one, the draws around any number are found without
 * those before: K numbers decide where to begin, at most 2 K + 1 draws are passed over, and each draw compares K times.
 */
final class JitteredMixture implements Mixture {
  /** Draws that are found together. */
  private static final int BLOCK = 256;

  /** Keep the random numbers of time and of examples apart from each other and from those of other users of a seed. */
  private static final long TIMES = 0x6A697474;

  private static final long EXAMPLES = 0x65786D70;

  /** Draws that follow each other: the task of each, and how many draws of that task came before. */
  private record Block(long number, int[] tasks, long[] ranks) {}

  private final double[] rates;
  private final RandomKey[] times;
  private final ExampleOrder[] orders;
  private final int drawsPerEpoch;
  private volatile Block latest;

  /**
   * A mixture.
   *
   * @param sizes number of examples of each task
   * @param rates each task's part of the draws, 0 or more; they add up to 1
   */
  JitteredMixture(List<Integer> sizes, double[] rates, boolean replacement, long seed) {
    this.rates = rates.clone();
    var key = new RandomKey(seed, 0);
    this.times = new RandomKey[rates.length];
    this.orders = new ExampleOrder[rates.length];
    var total = 0;
    for (var task = 0; task < rates.length; task++) {
      times[task] = key.derive(TIMES).derive(task);
      orders[task] = new ExampleOrder(sizes.get(task), replacement, key.derive(EXAMPLES).derive(task));
      total = Math.addExact(total, sizes.get(task));
    }
    this.drawsPerEpoch = total;
  }

  @Override
  public int taskCount() {
    return rates.length;
  }

  @Override
  public int drawsPerEpoch() {
    return drawsPerEpoch;
  }

  @Override
  public double plannedShare(int task, long from, long to) {
    return rates[task];
  }

  @Override
  public Draw draw(long number) {
    if (number < 0) {
      throw new IllegalArgumentException("draw " + number);
    }
    var block = latest;
    if (block == null || block.number() != number / BLOCK) {
      block = block(number / BLOCK);
      latest = block;
    }
    var place = (int) (number % BLOCK);
    var task = block.tasks()[place];
    return new Draw(task, orders[task].example(block.ranks()[place]));
  }

  private Block block(long number) {
    var first = number * BLOCK;
    // Less than K draws more than this have come by then, so the first of the block has not.
    var begin = Math.max(0, first - rates.length - 1);
    var next = new long[rates.length];
    var due = new double[rates.length];
    var passed = 0L;
    for (var task = 0; task < rates.length; task++) {
      next[task] = drawnBefore(task, begin);
      due[task] = time(task, next[task]);
      passed += next[task];
    }
    var tasks = new int[BLOCK];
    var ranks = new long[BLOCK];
    for (var n = passed; n < first + BLOCK; n++) {
      var task = earliest(due);
      if (n >= first) {
        tasks[(int) (n - first)] = task;
        ranks[(int) (n - first)] = next[task];
      }
      due[task] = time(task, ++next[task]);
    }
    return new Block(number, tasks, ranks);
  }

  /** How many draws of a task come before a time. */
  private long drawnBefore(int task, long time) {
    var rank = (long) (time * rates[task]);
    while (rank > 0 && time(task, rank - 1) >= time) {
      rank--;
    }
    while (time(task, rank) < time) {
      rank++;
    }
    return rank;
  }

  /** When a task's draw of some rank comes; never for a task without a rate. */
  private double time(int task, long rank) {
    if (rates[task] == 0) {
      return Double.POSITIVE_INFINITY;
    }
    var words = new int[4];
    Philox.block(times[task], rank, words);
    var jitter = ((long) words[0] << 21 ^ words[1] >>> 11) & (1L << 53) - 1;
    return (rank + jitter * 0x1.0p-53) / rates[task];
  }

  /** The first of the tasks that are due next. */
  private static int earliest(double[] due) {
    var earliest = 0;
    for (var task = 1; task < due.length; task++) {
      if (due[task] < due[earliest]) {
        earliest = task;
      }
    }
    return earliest;
  }

  @Override
  public String toString() {
    return "tasks at rates " + Arrays.toString(rates);
  }
}
