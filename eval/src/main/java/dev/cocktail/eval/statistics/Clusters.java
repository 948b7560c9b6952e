package dev.cocktail.eval.statistics;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which items are not independent of each other, such as several questions about one page. What is independent are the
 * clusters, so these are what is drawn.
 */
public final class Clusters {
  private final List<int[]> members;
  private final int items;

  private Clusters(List<int[]> members, int items) {
    this.members = members;
    this.items = items;
  }

  /** Items of equal keys belong together; an item without one stands alone. Clusters come in order of their first. */
  public static Clusters of(List<Optional<String>> keys) {
    Map<String, List<Integer>> byKey = new LinkedHashMap<>();
    List<List<Integer>> clusters = new ArrayList<>();
    for (int item = 0; item < keys.size(); item++) {
      List<Integer> fresh = new ArrayList<>();
      List<Integer> cluster = keys.get(item).map(key -> byKey.computeIfAbsent(key, _ -> fresh)).orElse(fresh);
      if (cluster.isEmpty()) {
        clusters.add(cluster);
      }
      cluster.add(item);
    }
    return new Clusters(
        clusters.stream().map(cluster -> cluster.stream().mapToInt(Integer::intValue).toArray()).toList(), keys.size());
  }

  /** So many items, each of which stands alone. */
  public static Clusters ofSingles(int items) {
    List<int[]> members = new ArrayList<>();
    for (int item = 0; item < items; item++) {
      members.add(new int[] {item});
    }
    return new Clusters(members, items);
  }

  /** Number of clusters. */
  public int count() {
    return members.size();
  }

  /** Number of items. */
  public int items() {
    return items;
  }

  /** What the items of each cluster add up to. */
  public ClusterSums sums(SumStatistic statistic) {
    return new ClusterSums(this, statistic);
  }

  /** The items of a cluster. */
  int[] members(int cluster) {
    return members.get(cluster);
  }

  /** All items of the clusters, each as often as its cluster counts. */
  int[] itemsOf(int[] counts) {
    int length = 0;
    for (int cluster = 0; cluster < counts.length; cluster++) {
      length += counts[cluster] * members.get(cluster).length;
    }
    int[] found = new int[length];
    int at = 0;
    for (int cluster = 0; cluster < counts.length; cluster++) {
      int[] some = members.get(cluster);
      for (int time = 0; time < counts[cluster]; time++) {
        System.arraycopy(some, 0, found, at, some.length);
        at += some.length;
      }
    }
    return found;
  }
}
