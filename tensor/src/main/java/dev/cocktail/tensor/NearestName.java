package dev.cocktail.tensor;

import java.util.Collection;
import java.util.Optional;

/** Finds the name that a misspelt one may have meant, for messages. */
public final class NearestName {
  private NearestName() {}

  /** The candidate with the fewest differing characters, the first of equals; empty when there are no candidates. */
  public static Optional<String> of(String name, Collection<String> candidates) {
    String best = null;
    int bestDistance = Integer.MAX_VALUE;
    for (String candidate : candidates) {
      int distance = distance(name, candidate);
      if (distance < bestDistance) {
        bestDistance = distance;
        best = candidate;
      }
    }
    return Optional.ofNullable(best);
  }

  /** A hint to append to a message, such as {@code "; the nearest is 'x'"}, or nothing without candidates. */
  public static String hint(String name, Collection<String> candidates) {
    return of(name, candidates).map(best -> "; the nearest is '" + best + "'").orElse("");
  }

  /** Levenshtein's distance: how many characters to insert, delete or replace. */
  public static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int above = row[j];
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(above, row[j - 1]) + 1);
        diagonal = above;
      }
    }
    return row[b.length()];
  }
}
