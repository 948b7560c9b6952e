package dev.cocktail.trainer.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * A small table: one number for each of some names.
 *
 * @param heading what it is about
 * @param rows in their order
 */
record FigureTable(String heading, Map<String, Integer> rows) {
  FigureTable {
    rows = Collections.unmodifiableMap(new LinkedHashMap<>(rows));
  }

  /**
   * A table of numbers from 1 to 9. Lowest and highest are two draws and the others lie between them, so that every
   * number is the lowest or the highest equally often.
   *
   * @param names what rows may be named; no two of a table are named the same
   */
  static FigureTable random(String heading, List<String> names, int rows, RandomGenerator random) {
    int one = 1 + random.nextInt(9);
    int other = 1 + random.nextInt(9);
    List<Integer> numbers = new ArrayList<>(List.of(one, other));
    while (numbers.size() < rows) {
      numbers.add(Math.min(one, other) + random.nextInt(Math.abs(one - other) + 1));
    }
    Collections.shuffle(numbers, random);
    List<String> shuffled = new ArrayList<>(names);
    Collections.shuffle(shuffled, random);
    Map<String, Integer> table = new LinkedHashMap<>();
    for (int row = 0; row < rows; row++) {
      table.put(shuffled.get(row), numbers.get(row));
    }
    return new FigureTable(heading, table);
  }

  /** The heading, and a line for each row. */
  String text() {
    var text = new StringBuilder(heading);
    rows.forEach((name, number) -> text.append("\n ").append(name).append(' ').append(number));
    return text.toString();
  }

  List<String> names() {
    return List.copyOf(rows.keySet());
  }

  int lowest() {
    return Collections.min(rows.values());
  }

  int highest() {
    return Collections.max(rows.values());
  }
}
