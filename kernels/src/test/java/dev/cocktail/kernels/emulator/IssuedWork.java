package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuDriver;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Work that was issued to streams and has not run. It runs as late as it may: when the host waits for it, and then only
 * what the waited-for work comes behind, in its own stream or by marks that the stream waits for. Whoever relies on
 * more than that order meets memory that was not written yet, or was overwritten.
 */
final class IssuedWork {
  /** A queue; work of different queues has no order but by marks. */
  static final class Queue implements GpuDriver.Stream {}

  /** A mark, which is work like any other. */
  static final class Mark implements GpuDriver.Event {
    private Item last;
    private long nanos;

    /** When the mark was reached. */
    long nanos() {
      return nanos;
    }

    /** Whether the last record was reached. */
    boolean isReached() {
      return last != null && last.isDone;
    }
  }

  /** Something to do; without a queue it comes behind and before all else. */
  private static final class Item {
    private final Queue queue;
    private final Runnable work;
    private final Item behind;
    private boolean isDone;

    Item(Queue queue, Runnable work, Item behind) {
      this.queue = queue;
      this.work = work;
      this.behind = behind;
    }
  }

  private final boolean blocking = Boolean.getBoolean("cocktail.cuda.blocking");
  private List<Item> pending = new ArrayList<>();

  /** Issues work to a stream. */
  void issue(GpuDriver.Stream stream, Runnable work) {
    issue(new Item((Queue) stream, work, null));
  }

  /**
   * Issues a change of what memory may be used. A region that comes back may be in use by work issued before, and is
   * free for all that is issued later.
   */
  void issueForAll(Runnable work) {
    issue(new Item(null, work, null));
  }

  private void issue(Item item) {
    pending.add(item);
    if (blocking) {
      run(item);
    }
  }

  void record(Mark mark, GpuDriver.Stream stream) {
    Item item = new Item((Queue) stream, () -> mark.nanos = System.nanoTime(), null);
    mark.last = item;
    issue(item);
  }

  void await(GpuDriver.Stream stream, Mark mark) {
    if (mark.last != null) {
      issue(new Item((Queue) stream, () -> {}, mark.last));
    }
  }

  /** Runs what a mark's last record comes behind. */
  void finish(Mark mark) {
    if (mark.last != null && !mark.last.isDone) {
      run(mark.last);
    }
  }

  /** Runs what was issued to a stream. */
  void finish(GpuDriver.Stream stream) {
    for (Item item : pending.reversed()) {
      if (item.queue == stream) {
        run(item);
        return;
      }
    }
  }

  void finishAll() {
    Item end = new Item(null, () -> {}, null);
    pending.add(end);
    run(end);
  }

  /** Runs an item and all that it comes behind, in the order of issue. After a fault nothing issued before runs. */
  private void run(Item wanted) {
    List<Item> due = new ArrayList<>();
    List<Item> rest = new ArrayList<>();
    Set<Object> needed = new HashSet<>();
    boolean needsAll = false;
    needed.add(wanted);
    for (Item item : pending.reversed()) {
      boolean isNeeded =
          needsAll || needed.contains(item) || (item.queue == null ? !due.isEmpty() : needed.contains(item.queue));
      if (!isNeeded) {
        rest.add(item);
        continue;
      }
      due.add(item);
      needsAll |= item.queue == null;
      needed.add(item.queue);
      needed.add(item.behind);
    }
    pending = new ArrayList<>();
    for (Item item : due.reversed()) {
      item.work.run();
      item.isDone = true;
    }
    pending.addAll(rest.reversed());
  }
}
