package dev.cocktail.kernels.emulator;

/** A decoded instruction, for one warp at a time. */
abstract class Instruction {
  private PtxStatement statement;
  private int guard = -1;
  private boolean guardNegated;

  /** Sets where it stands and what it runs under. */
  final Instruction at(PtxStatement place, int predicate) {
    statement = place;
    guard = predicate;
    guardNegated = place.guardNegated();
    return this;
  }

  final PtxStatement statement() {
    return statement;
  }

  /** The lanes among the given ones whose guard lets it run. */
  final int guarded(Warp warp, int lanes) {
    if (guard < 0) {
      return lanes;
    }
    int predicate = warp.predicates[guard];
    return lanes & (guardNegated ? ~predicate : predicate);
  }

  /** Runs for the given lanes; there is at least one, but for control flow. */
  abstract void run(Warp warp, int lanes);

  /** Whether it must be told even of no lanes. */
  boolean isControl() {
    return false;
  }

  /** A computation on up to three registers of a lane. */
  interface Lane {
    long apply(long a, long b, long c);
  }

  /** A question about two registers of a lane. */
  interface Question {
    boolean test(long a, long b);
  }
}
