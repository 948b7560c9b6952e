package dev.cocktail.trainer.data;

import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Decides which example of which task comes next. A mixture is a value: it knows the sizes of its tasks and a seed, no
 * model, no loss; the same mixture gives the same draws whenever and in whatever order it is asked, so a run goes on at
 * any draw without the ones before it. {@link MixtureRule} makes mixtures.
 */
public interface Mixture {
  /** Number of tasks. */
  int taskCount();

  /** How many draws make one epoch: as many as the tasks have examples. */
  int drawsPerEpoch();

  /**
   * A draw by its number.
   *
   * @param number counts from 0 through all epochs
   */
  Draw draw(long number);

  /**
   * The part of the draws {@code [from, to)} that the mixture means for a task; all tasks' parts add up to 1.
   *
   * @param to above {@code from}
   */
  double plannedShare(int task, long from, long to);

  /** The draws {@code [from, to)}. */
  default Stream<Draw> draws(long from, long to) {
    return LongStream.range(from, to).mapToObj(this::draw);
  }
}
