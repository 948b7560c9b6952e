package dev.cocktail.tensor.cpu;

/**
 * How work is cut into tasks: by its size alone, never by the number of threads, so that results cannot depend on them.
 */
final class Chunks {
  /** Elements a task handles: enough to forget the hand-over (a few microseconds), few enough to balance. */
  static final int ELEMENTS = 1 << 15;

  /** Work on elements or rows [from, to). */
  @FunctionalInterface
  interface Range {
    void run(long from, long to);
  }

  private Chunks() {}

  /** Runs over all elements, at most {@link #ELEMENTS} a task. */
  static void elements(WorkerPool pool, long elements, Range work) {
    split(pool, elements, ELEMENTS, work);
  }

  /** Runs over all rows, as many a task as hold about {@link #ELEMENTS} elements. */
  static void rows(WorkerPool pool, long rows, long width, Range work) {
    split(pool, rows, Math.max(1, ELEMENTS / Math.max(1, width)), work);
  }

  /** Runs over [0, size), {@code grain} a task. */
  static void split(WorkerPool pool, long size, long grain, Range work) {
    int tasks = Math.toIntExact((size + grain - 1) / grain);
    pool.run(tasks, task -> work.run(task * grain, Math.min(size, (task + 1) * grain)));
  }
}
