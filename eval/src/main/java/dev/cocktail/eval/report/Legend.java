package dev.cocktail.eval.report;

import java.util.List;

/**
 * Names beside a sign each, as many in a row as there is room for.
 *
 * @param left where rows begin
 * @param right where rows end
 * @param sign how wide a sign is, with its gap
 */
record Legend(List<String> names, double left, double right, double sign) {
  static final double ROW = 20;
  private static final double LETTER = 7;
  private static final double GAP = 11;

  /** How many rows there are. */
  int rows() {
    return names.isEmpty() ? 0 : 1 + (int) place(names.size() - 1)[1];
  }

  /** Where a name's sign begins, and in which row it is. */
  double[] place(int number) {
    double at = left;
    int row = 0;
    for (int i = 0; i <= number; i++) {
      double room = sign + GAP + LETTER * names.get(i).length();
      if (at + room > right && at > left) {
        at = left;
        row++;
      }
      if (i < number) {
        at += room;
      }
    }
    return new double[] {at, row};
  }
}
