package dev.cocktail.eval;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Prompts of similar length that are continued together, some of them at a time, the others as places become free.
 *
 * @param prompts which
 * @param slots how many run at a time
 */
record PromptBatch(List<Integer> prompts, int slots) {
  /** Prompts go together as long as the longest fills at most this many times the room of the shortest. */
  private static final double SIMILAR = 1.25;

  /** More sequences at once need memory for their logits, and no longer make a step faster. */
  private static final int MOST_SLOTS = 256;

  /**
   * Sorts prompts into batches, shortest first, so that in each {@code slots} times the longest sequence is within the
   * budget.
   *
   * @param rooms the number of tokens that each prompt may have once it is continued, each within the budget
   */
  static List<PromptBatch> of(int[] rooms, int budget) {
    List<Integer> sorted =
        IntStream.range(0, rooms.length)
            .boxed()
            .sorted(Comparator.comparingInt((Integer prompt) -> rooms[prompt]).thenComparing(prompt -> prompt))
            .toList();
    List<PromptBatch> batches = new ArrayList<>();
    int from = 0;
    while (from < sorted.size()) {
      int to = from + 1;
      while (to < sorted.size() && rooms[sorted.get(to)] <= SIMILAR * rooms[sorted.get(from)]) {
        to++;
      }
      int longest = rooms[sorted.get(to - 1)];
      if (longest > budget) {
        throw new IllegalArgumentException("a sequence of " + longest + " tokens within " + budget);
      }
      batches.add(new PromptBatch(List.copyOf(sorted.subList(from, to)), Math.min(MOST_SLOTS, budget / longest)));
      from = to;
    }
    return batches;
  }
}
