package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.List;

/**
 * Thirty-two threads. Lanes at one place in the code run together; after a branch that divides them, the lowest place
 * runs first, and lanes that meet go on together.
 */
final class Warp {
  static final int LANES = 32;

  /** Registers, all as 64 bits, a lane's after another's: slot s of lane l at {@code s * 32 + l}. */
  final long[] registers;

  /** Predicates, a bit a lane. */
  final int[] predicates;

  final BlockRun block;
  final List<List<PendingCopy>> copyGroups = new ArrayList<>();
  List<PendingCopy> copies = new ArrayList<>();
  private final int number;
  private final int alive;
  private int exited;
  private int interval;

  /** Lanes that run, and where. */
  private int lanes;

  private int place;

  /** Lanes that wait for others, by place, the lowest last. */
  private final List<int[]> waiting = new ArrayList<>();

  /** Set by control flow: where to go on; -1 to the next instruction. */
  private int target;

  private boolean atBarrier;

  /** The predicate that a barrier's reduction will be written to; -1 for none. */
  int reductionTarget = -1;

  boolean reductionIsAnd;

  /** An asynchronous copy of one lane, from global to shared memory. */
  record PendingCopy(int lane, long target, long source, int bytes, int read) {}

  Warp(BlockRun block, int number, int threads) {
    this.block = block;
    this.number = number;
    int count = Math.min(LANES, threads - LANES * number);
    this.alive = count == LANES ? -1 : (1 << count) - 1;
    this.registers = new long[block.program.slots() * LANES];
    this.predicates = new int[block.program.predicateSlots()];
  }

  int firstThread() {
    return number * LANES;
  }

  /** How many barriers the warp has passed. */
  int interval() {
    return interval;
  }

  void passBarrier() {
    interval++;
  }

  /** Begins anew for another block. */
  void start() {
    exited = 0;
    lanes = alive;
    place = 0;
    interval = 0;
    atBarrier = false;
    waiting.clear();
    copyGroups.clear();
    copies = new ArrayList<>();
    block.program.fillConstants(this);
  }

  /** Lanes that have not ended. */
  int live() {
    return alive & ~exited;
  }

  boolean isDone() {
    return live() == 0;
  }

  boolean isAtBarrier() {
    return atBarrier;
  }

  void leaveBarrier() {
    atBarrier = false;
    interval++;
  }

  /** Runs until all lanes have ended or the warp stands at a barrier of its block. */
  void run() {
    Instruction[] code = block.program.code();
    while (lanes != 0 || !waiting.isEmpty()) {
      if (!waiting.isEmpty()) {
        meet();
      }
      Instruction instruction = code[place];
      int active = instruction.guarded(this, lanes);
      target = -1;
      if (active != 0 || instruction.isControl()) {
        try {
          instruction.run(this, active);
        } catch (EmulatorFault e) {
          throw block.explain(e, instruction, this, active);
        }
      }
      if (target < 0) {
        place++;
      } else {
        place = target;
      }
      if (atBarrier) {
        return;
      }
    }
  }

  /** Makes the lowest of all places the current one, with all lanes that stand there. */
  private void meet() {
    if (lanes == 0) {
      int[] lowest = waiting.removeLast();
      place = lowest[0];
      lanes = lowest[1];
    }
    while (!waiting.isEmpty() && waiting.getLast()[0] <= place) {
      int[] lowest = waiting.removeLast();
      if (lowest[0] == place) {
        lanes |= lowest[1];
      } else {
        park(place, lanes);
        place = lowest[0];
        lanes = lowest[1];
      }
    }
  }

  private void park(int at, int who) {
    for (int[] group : waiting) {
      if (group[0] == at) {
        group[1] |= who;
        return;
      }
    }
    int index = waiting.size();
    while (index > 0 && waiting.get(index - 1)[0] < at) {
      index--;
    }
    waiting.add(index, new int[] {at, who});
  }

  /** The given lanes go to a place, the others of the group on to the next. */
  void branch(int to, int taken) {
    if (taken == lanes) {
      target = to;
    } else if (taken != 0) {
      park(to, taken);
      lanes &= ~taken;
    }
  }

  /** The given lanes end. */
  void exit(int ending) {
    exited |= ending;
    lanes &= ~ending;
  }

  /** The warp waits for the block's others. */
  void stopAtBarrier(int arrived) {
    if (arrived != live()) {
      throw new EmulatorFault("barrier in divergent code: only lanes %08x of %08x are here".formatted(arrived, live()));
    }
    atBarrier = true;
  }

  /** Checks that all the lanes that an instruction names are here. */
  void requireTogether(int members, int active) {
    if ((members & live() & ~active) != 0) {
      throw new EmulatorFault(
          "lanes %08x are to act together, but only %08x are here".formatted(members & live(), active));
    }
  }
}
