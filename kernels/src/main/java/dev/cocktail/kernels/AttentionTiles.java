package dev.cocktail.kernels;

import dev.cocktail.tensor.Sequences;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The work lists of attention: packed sequences cut into tiles of rows, the tiles with the most work first, so that no
 * long one begins when all others are done. A tile is four numbers, as the kernels read them: first token of the
 * sequence, one past its last token, first token of the tile, and nothing. The lists of the last sequences are kept: a
 * step asks for the same ones in every layer.
 */
final class AttentionTiles {
  /** Numbers a tile. */
  static final int NUMBERS = 4;

  /**
   * Which list.
   *
   * @param rows tokens a tile
   * @param window of the attention
   * @param ofKeys whether the tiles are keys that need all queries that see them, not queries that need the keys they
   *     see
   */
  private record Kind(int rows, int window, boolean ofKeys) {}

  private final Map<Kind, int[]> lists = new HashMap<>();
  private Sequences sequences;

  /** Tiles of queries, the most visible keys first. */
  int[] ofQueries(Sequences sequences, int rows, int window) {
    return list(sequences, new Kind(rows, window, false));
  }

  /** Tiles of keys, those that the most queries see first. */
  int[] ofKeys(Sequences sequences, int rows, int window) {
    return list(sequences, new Kind(rows, window, true));
  }

  private int[] list(Sequences of, Kind kind) {
    if (of != sequences) {
      lists.clear();
      sequences = of;
    }
    return lists.computeIfAbsent(kind, this::make);
  }

  private int[] make(Kind kind) {
    int count = 0;
    for (int b = 0; b < sequences.count(); b++) {
      count += Math.ceilDiv(sequences.length(b), kind.rows);
    }
    int[] unordered = new int[NUMBERS * count];
    long[] order = new long[count];
    int tile = 0;
    for (int b = 0; b < sequences.count(); b++) {
      int start = sequences.offset(b);
      int end = sequences.offset(b + 1);
      for (long first = start; first < end; first += kind.rows) {
        long last = Math.min(first + kind.rows, end) - 1;
        long work =
            kind.ofKeys
                ? Math.min(end, last + kind.window) - first
                : last + 1 - Math.max(start, first - kind.window + 1);
        unordered[NUMBERS * tile] = start;
        unordered[NUMBERS * tile + 1] = end;
        unordered[NUMBERS * tile + 2] = (int) first;
        order[tile] = (Integer.MAX_VALUE - work) << 32 | tile;
        tile++;
      }
    }
    Arrays.sort(order);
    int[] tiles = new int[unordered.length];
    for (int i = 0; i < count; i++) {
      System.arraycopy(unordered, NUMBERS * (int) order[i], tiles, NUMBERS * i, NUMBERS);
    }
    return tiles;
  }
}
