package dev.cocktail.eval.statistics;

/**
 * A number that follows from sums over items, as all metrics made of counts do: accuracy from the right answers and the
 * items, F1 from the counts of labels. What the items of a cluster add up to is added up once; a draw of clusters then
 * costs no more than the clusters that are there, and arms can be exchanged cluster by cluster.
 */
public interface SumStatistic {
  /** How many sums it follows from. */
  int width();

  /**
   * Adds what an item adds.
   *
   * @param sums where {@link #width} sums begin at {@code at}
   */
  void add(int item, double[] sums, int at);

  /**
   * The number.
   *
   * @param sums {@link #width} sums over at least one item
   */
  double of(double[] sums);
}
