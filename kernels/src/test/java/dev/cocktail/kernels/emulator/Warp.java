package dev.cocktail.kernels.emulator;

import java.util.Arrays;

/**
 * Up to 32 threads of a block. Lanes at one program counter run together, those with the lowest counter first, so that
 * lanes that parted meet again where their ways join. Instructions that synchronise a warp wait for all lanes that
 * their mask names.
 */
final class Warp {
  /** What a warp's turn ended with. */
  enum Status {
    READY,
    WAITING,
    DONE
  }

  /** Backward branches after which lanes further on, or other warps, get a turn: someone may wait for them. */
  private static final int SLICE = 20_000;

  /** No kernel of a test jumps back as often; it would never end. */
  private static final long ENDLESS = 1L << 31;

  final Block block;
  final int index;
  final int firstThread;
  private final Program code;

  final int[] words;
  final long[] longs;
  final int[] predicates;
  final LocalMemory local;

  /** Lanes that have written each register that {@link UnwrittenRegisters} watches. */
  final int[] writtenRegisters;

  final AsyncCopies copies = new AsyncCopies();

  /** Values on their way between lanes. */
  final int[] exchange = new int[32];

  private MatrixInstructions.Scratch matrices;

  /** Lanes whose carry flag is set. */
  int carry;

  /** How far the accesses of each warp of the block lie behind a barrier; its own entry is its own time. */
  final int[] clock;

  private final int[] counters = new int[32];
  private int started;
  private int live;
  private int waitingForLanes;
  private int waitingAtBarrier;
  private int at;
  private int backward;
  private long allBackward;
  private boolean yielding;
  Status status;

  /** Thread-instructions done since the kernel began. */
  long executed;

  Warp(Block block, int index, int warps) {
    this.block = block;
    this.code = block.code;
    this.index = index;
    this.firstThread = 32 * index;
    words = new int[32 * code.words];
    longs = new long[32 * code.longs];
    predicates = new int[code.predicates];
    writtenRegisters = new int[code.unwritten == null ? 0 : code.unwritten.count()];
    local = new LocalMemory((int) code.kernel.localBytes());
    clock = new int[warps];
    for (Program.Constant constant : code.wordConstants) {
      Arrays.fill(words, constant.base(), constant.base() + 32, (int) constant.value());
    }
    for (Program.Constant constant : code.longConstants) {
      Arrays.fill(longs, constant.base(), constant.base() + 32, constant.value());
    }
  }

  /** Begins a block with the given number of threads in this warp. */
  void start(int threads) {
    started = threads >= 32 ? -1 : (1 << threads) - 1;
    live = started;
    waitingForLanes = 0;
    waitingAtBarrier = 0;
    carry = 0;
    Arrays.fill(counters, 0);
    Arrays.fill(clock, 0);
    Arrays.fill(writtenRegisters, 0);
    clock[index] = 1;
    local.reset();
    copies.reset();
    code.specials.fill(this);
    status = Status.READY;
  }

  int liveLanes() {
    return live;
  }

  /** Runs until all lanes are done or wait for other warps, or have run long. */
  void run() {
    backward = 0;
    yielding = false;
    while (status == Status.READY && !yielding) {
      if (live == 0) {
        status = Status.DONE;
        return;
      }
      int runnable = live & ~(waitingForLanes | waitingAtBarrier);
      if (runnable == 0) {
        settle();
        continue;
      }
      int lowest = Integer.MAX_VALUE;
      int limit = Integer.MAX_VALUE;
      int lanes = 0;
      for (int rest = runnable; rest != 0; rest &= rest - 1) {
        int lane = Integer.numberOfTrailingZeros(rest);
        int counter = counters[lane];
        if (counter < lowest) {
          limit = lowest;
          lowest = counter;
          lanes = 1 << lane;
        } else if (counter == lowest) {
          lanes |= 1 << lane;
        } else if (counter < limit) {
          limit = counter;
        }
      }
      if (limit != Integer.MAX_VALUE && backward >= SLICE) {
        // Lanes further on may have to do something before these can leave their loop.
        lanes = at(runnable, limit);
        backward = 0;
        execute(limit, lanes, lowest == limit ? limit : Integer.MAX_VALUE);
      } else {
        execute(lowest, lanes, limit);
      }
    }
  }

  private int at(int lanes, int counter) {
    int found = 0;
    for (int lane = 0; lane < 32; lane++) {
      if ((lanes >>> lane & 1) != 0 && counters[lane] == counter) {
        found |= 1 << lane;
      }
    }
    return found;
  }

  private void moveTo(int lanes, int counter) {
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      counters[Integer.numberOfTrailingZeros(rest)] = counter;
    }
  }

  /** Runs lanes from one counter until they part, wait, or reach lanes at {@code limit}. */
  private void execute(int start, int group, int limit) {
    Operation[] operations = code.operations;
    byte[] kinds = code.kinds;
    int[] guards = code.guards;
    int[] flips = code.flips;
    UnwrittenRegisters unwritten = code.unwritten;
    int counter = start;
    int lanes = group;
    while (true) {
      if (counter >= limit) {
        moveTo(lanes, counter);
        return;
      }
      int guard = guards[counter];
      int active = guard < 0 ? lanes : lanes & (predicates[guard] ^ flips[counter]);
      executed += Integer.bitCount(active);
      if (unwritten != null) {
        at = counter;
        unwritten.check(this, counter, lanes, active);
      }
      if (kinds[counter] == Program.PLAIN) {
        if (active != 0) {
          at = counter;
          operations[counter].run(this, active);
        }
        counter++;
        continue;
      }
      at = counter;
      switch (kinds[counter]) {
        case Program.BRANCH -> {
          int target = code.targets[counter];
          if (active == 0) {
            counter++;
          } else if (active == lanes) {
            boolean isBackward = target <= counter;
            counter = target;
            if (isBackward && turnIsOver(limit)) {
              moveTo(lanes, counter);
              return;
            }
          } else {
            moveTo(active, target);
            moveTo(lanes & ~active, counter + 1);
            if (target <= counter) {
              turnIsOver(limit);
            }
            return;
          }
        }
        case Program.INDIRECT -> {
          int[] table = code.tables[counter];
          for (int rest = lanes; rest != 0; rest &= rest - 1) {
            int lane = Integer.numberOfTrailingZeros(rest);
            if ((active >>> lane & 1) == 0) {
              counters[lane] = counter + 1;
              continue;
            }
            int choice = words[code.targets[counter] + lane];
            if (choice < 0 || choice >= table.length) {
              throw fault(lane, "jumps to entry " + choice + " of a table of " + table.length);
            }
            counters[lane] = table[choice];
          }
          return;
        }
        case Program.EXIT -> {
          copies.awaitAll(this, active);
          live &= ~active;
          waitingForLanes = 0;
          moveTo(lanes, counter + 1);
          return;
        }
        case Program.BARRIER -> {
          if (active != lanes) {
            moveTo(lanes & ~active, counter + 1);
          }
          if (active == 0) {
            return;
          }
          moveTo(active, counter);
          waitingAtBarrier |= active;
          if (waitingAtBarrier == live) {
            settle();
          }
          return;
        }
        case Program.RENDEZVOUS, Program.WARP_BARRIER -> {
          if (active != lanes) {
            moveTo(lanes & ~active, counter + 1);
            if (active == 0) {
              return;
            }
            limit = Math.min(limit, counter + 1);
          }
          int met = meet(counter, active);
          if (met == 0) {
            return;
          }
          limit = met == active ? limit : Math.min(limit, counter + 1);
          operations[counter].run(this, met);
          lanes = met;
          counter++;
        }
        default -> throw new IllegalStateException("kind " + kinds[counter]);
      }
    }
  }

  private boolean turnIsOver(int limit) {
    if (++allBackward > ENDLESS) {
      throw fault(Integer.numberOfTrailingZeros(live), "has jumped back " + ENDLESS + " times");
    }
    if (++backward < SLICE) {
      return false;
    }
    if (limit == Integer.MAX_VALUE) {
      yielding = true;
    }
    return true;
  }

  /**
   * Lanes stand at an instruction that waits for the lanes its mask names. Returns those that may do it now, or 0 when
   * others are still to come.
   */
  private int meet(int counter, int lanes) {
    int masks = code.targets[counter];
    int first = Integer.numberOfTrailingZeros(lanes);
    int mask = words[masks + first];
    int part = 0;
    for (int rest = lanes; rest != 0; rest &= rest - 1) {
      int lane = Integer.numberOfTrailingZeros(rest);
      if (words[masks + lane] == mask) {
        part |= 1 << lane;
      }
    }
    if ((part & ~mask) != 0) {
      throw fault(Integer.numberOfTrailingZeros(part & ~mask), "its member mask does not name the thread itself");
    }
    int together = part;
    for (int rest = waitingForLanes; rest != 0; rest &= rest - 1) {
      int lane = Integer.numberOfTrailingZeros(rest);
      if (counters[lane] == counter && words[masks + lane] == mask) {
        together |= 1 << lane;
      }
    }
    moveTo(lanes & ~part, counter);
    if ((mask & live & ~together) != 0) {
      moveTo(part, counter);
      waitingForLanes |= part;
      return 0;
    }
    waitingForLanes &= ~together;
    return together;
  }

  /** No lane can go on by itself: they are all at one barrier of the block, or something is wrong. */
  private void settle() {
    int first = Integer.numberOfTrailingZeros(live);
    if (waitingAtBarrier == live) {
      int counter = counters[first];
      at = counter;
      for (int rest = live; rest != 0; rest &= rest - 1) {
        int lane = Integer.numberOfTrailingZeros(rest);
        if (counters[lane] != counter) {
          throw divergentBarrier(lane, counters[lane], counter);
        }
      }
      if (live != started) {
        int gone = Integer.numberOfTrailingZeros(started & ~live);
        throw fault(first, "barrier in divergent code: thread %d has returned".formatted(firstThread + gone));
      }
      waitingAtBarrier = 0;
      moveTo(live, counter + 1);
      status = Status.WAITING;
      block.arrive(this, code.barriers[counter]);
      return;
    }
    if (waitingAtBarrier != 0) {
      int atBarrier = Integer.numberOfTrailingZeros(waitingAtBarrier);
      int elsewhere = Integer.numberOfTrailingZeros(live & ~waitingAtBarrier);
      throw divergentBarrier(atBarrier, counters[atBarrier], counters[elsewhere]);
    }
    if (releaseWarpBarrier()) {
      return;
    }
    at = counters[first];
    int missing = words[code.targets[at] + first] & live & ~at(live, at);
    throw fault(
        first, "waits for lanes %s of its warp, which wait elsewhere".formatted(Integer.toBinaryString(missing)));
  }

  /** Lanes may meet at different {@code bar.warp.sync} when their masks are equal and name all of them. */
  private boolean releaseWarpBarrier() {
    for (int rest = waitingForLanes; rest != 0; rest &= rest - 1) {
      int first = Integer.numberOfTrailingZeros(rest);
      if (code.kinds[counters[first]] != Program.WARP_BARRIER) {
        continue;
      }
      int mask = words[code.targets[counters[first]] + first];
      int together = 0;
      for (int lane = 0; lane < 32; lane++) {
        if ((waitingForLanes >>> lane & 1) != 0
            && code.kinds[counters[lane]] == Program.WARP_BARRIER
            && words[code.targets[counters[lane]] + lane] == mask) {
          together |= 1 << lane;
        }
      }
      if ((mask & live & ~together) == 0) {
        waitingForLanes &= ~together;
        clock[index]++;
        for (int each = together; each != 0; each &= each - 1) {
          counters[Integer.numberOfTrailingZeros(each)]++;
        }
        return true;
      }
    }
    return false;
  }

  private EmulatorFault divergentBarrier(int lane, int counter, int elsewhere) {
    at = counter;
    return fault(lane, "barrier in divergent code: other lanes of the warp wait at " + code.where(elsewhere));
  }

  // For instructions

  MatrixInstructions.Scratch matrices() {
    if (matrices == null) {
      matrices = new MatrixInstructions.Scratch();
    }
    return matrices;
  }

  EmulatorFault fault(int lane, String message) {
    return new EmulatorFault(
        "%s, block (%d, %d, %d), thread %d: %s"
            .formatted(code.where(at), block.x, block.y, block.z, firstThread + lane, message));
  }

  void requireAligned(int lane, long address, int bytes) {
    if ((address & (bytes - 1)) != 0) {
      throw fault(lane, "0x%x is misaligned: not a multiple of %d".formatted(address, bytes));
    }
  }
}
