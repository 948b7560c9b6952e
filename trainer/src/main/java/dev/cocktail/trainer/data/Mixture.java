package dev.cocktail.trainer.data;

/**
 * Decides which example of which task comes next. A mixture is a value: it knows the sizes of its tasks and a seed, no
 * model, no loss; the same mixture gives the same draws whenever and in whatever order it is asked.
 */
public interface Mixture {
  /** Number of tasks. */
  int taskCount();

  /** How many draws make one epoch. */
  int drawsPerEpoch();

  /**
   * A draw by its number.
   *
   * @param number counts from 0 through all epochs
   */
  Draw draw(long number);
}
