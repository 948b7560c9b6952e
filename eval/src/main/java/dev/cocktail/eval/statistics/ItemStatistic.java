package dev.cocktail.eval.statistics;

/** A number that follows from some of the items, such as a metric of a model's answers to them. */
@FunctionalInterface
public interface ItemStatistic {
  /**
   * The number.
   *
   * @param items numbers of items, from 0; one that occurs several times counts as often
   */
  double of(int[] items);
}
