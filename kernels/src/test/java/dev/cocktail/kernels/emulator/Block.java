package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.Launch;
import java.util.Arrays;

/** A block of threads that share memory and barriers; one object runs one block after the other. */
final class Block {
  private static final int BARRIERS = 16;

  /** Who has come to a barrier since it last opened. */
  private static final class Arrivals {
    private int warps;
    private int expectedWarps;
    private final boolean[] waiting;
    private final int[] clock;
    private boolean or;
    private boolean and = true;
    private int count;

    Arrivals(int warps) {
      waiting = new boolean[warps];
      clock = new int[warps];
    }
  }

  final Program code;
  final Launch launch;
  final GlobalMemory global;
  final SharedMemory shared;
  final byte[] parameters;
  private final Warp[] warps;
  private final Arrivals[] arrivals = new Arrivals[BARRIERS];
  private final Program.Barrier[] waitsAt;
  int x;
  int y;
  int z;

  Block(Program code, Launch launch, GlobalMemory global, byte[] parameters, int sharedBytes) {
    this.code = code;
    this.launch = launch;
    this.global = global;
    this.parameters = parameters;
    shared = new SharedMemory(sharedBytes, code.granule);
    warps = new Warp[(launch.threads() + 31) / 32];
    for (int i = 0; i < warps.length; i++) {
      warps[i] = new Warp(this, i, warps.length);
    }
    waitsAt = new Program.Barrier[warps.length];
  }

  void run(long number) {
    x = (int) (number % launch.gridX());
    y = (int) (number / launch.gridX() % launch.gridY());
    z = (int) (number / launch.gridX() / launch.gridY());
    shared.reset();
    for (Warp warp : warps) {
      warp.start(launch.threads() - warp.firstThread);
    }
    Arrays.fill(arrivals, null);
    int done = 0;
    while (done < warps.length) {
      boolean progress = false;
      for (Warp warp : warps) {
        if (warp.status == Warp.Status.READY) {
          progress = true;
          warp.run();
          if (warp.status == Warp.Status.DONE) {
            done++;
          }
        }
      }
      if (!progress) {
        throw deadlock();
      }
    }
  }

  long executed() {
    long all = 0;
    for (Warp warp : warps) {
      all += warp.executed;
    }
    return all;
  }

  /**
   * Warps that have returned do not count as arrived, although newer GPUs count so: whether they returned before or
   * behind the barrier, our kernels never mean it.
   */
  private EmulatorFault deadlock() {
    for (Warp warp : warps) {
      if (warp.status == Warp.Status.WAITING) {
        long gone = Arrays.stream(warps).filter(each -> each.status == Warp.Status.DONE).count();
        return warp.fault(
            Integer.numberOfTrailingZeros(warp.liveLanes()),
            "waits at a barrier that other warps never reach; %d of %d have returned".formatted(gone, warps.length));
      }
    }
    throw new IllegalStateException("no warp waits");
  }

  /** A whole warp has come to a barrier. */
  void arrive(Warp warp, Program.Barrier barrier) {
    int lane = Integer.numberOfTrailingZeros(warp.liveLanes());
    int id = warp.words[barrier.id() + lane];
    if (id < 0 || id >= BARRIERS) {
      throw warp.fault(lane, "there is no barrier " + id);
    }
    Arrivals here = arrivals[id];
    if (here == null) {
      here = new Arrivals(warps.length);
      arrivals[id] = here;
    }
    int expected = 0;
    if (barrier.count() >= 0) {
      int threads = warp.words[barrier.count() + lane];
      if (threads <= 0 || threads % 32 != 0) {
        throw warp.fault(lane, "a barrier of " + threads + " threads, expected a multiple of 32");
      }
      expected = threads / 32;
    }
    if (here.warps > 0 && here.expectedWarps != expected) {
      throw warp.fault(lane, "warps expect different numbers of threads at barrier " + id);
    }
    here.expectedWarps = expected;
    here.warps++;
    for (int i = 0; i < warps.length; i++) {
      here.clock[i] = Math.max(here.clock[i], warp.clock[i]);
    }
    if (barrier.reduction() != null) {
      int chosen = (warp.predicates[barrier.source()] ^ barrier.sourceFlip()) & warp.liveLanes();
      here.or |= chosen != 0;
      here.and &= chosen == warp.liveLanes();
      here.count += Integer.bitCount(chosen);
    }
    if (barrier.waits()) {
      here.waiting[warp.index] = true;
      waitsAt[warp.index] = barrier;
    } else {
      warp.clock[warp.index]++;
      warp.status = Warp.Status.READY;
    }
    openWhereAllCame();
  }

  private void openWhereAllCame() {
    for (int id = 0; id < BARRIERS; id++) {
      Arrivals here = arrivals[id];
      if (here != null
          && here.warps > 0
          && here.warps >= (here.expectedWarps == 0 ? warps.length : here.expectedWarps)) {
        open(here);
        arrivals[id] = null;
      }
    }
  }

  private void open(Arrivals here) {
    for (Warp warp : warps) {
      if (here.waiting[warp.index]) {
        System.arraycopy(here.clock, 0, warp.clock, 0, warps.length);
      }
    }
    for (Warp warp : warps) {
      if (here.waiting[warp.index]) {
        warp.clock[warp.index]++;
        warp.status = Warp.Status.READY;
        reduce(warp, waitsAt[warp.index], here);
      }
    }
  }

  private static void reduce(Warp warp, Program.Barrier barrier, Arrivals here) {
    if (barrier.reduction() == null) {
      return;
    }
    int lanes = warp.liveLanes();
    switch (barrier.reduction()) {
      case "or" -> setPredicate(warp, barrier.result(), lanes, here.or);
      case "and" -> setPredicate(warp, barrier.result(), lanes, here.and);
      default -> {
        for (int rest = lanes; rest != 0; rest &= rest - 1) {
          warp.words[barrier.result() + Integer.numberOfTrailingZeros(rest)] = here.count;
        }
      }
    }
  }

  private static void setPredicate(Warp warp, int slot, int lanes, boolean value) {
    int old = warp.predicates[slot];
    warp.predicates[slot] = value ? old | lanes : old & ~lanes;
  }
}
