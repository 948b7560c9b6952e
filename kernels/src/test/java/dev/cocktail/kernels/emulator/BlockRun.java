package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.Launch;

/** One block at a time of a launch: its warps, its shared memory, and the barriers between them. */
final class BlockRun {
  final Program program;
  final GlobalMemory global;
  final SharedMemory shared;
  final byte[] arguments;
  final Launch launch;
  private final Warp[] warps;
  private int x;
  private int y;
  private int z;

  /** What {@code bar.red} gathers until all have arrived: a bit for or, one for and. */
  boolean anyOf;

  boolean allOf = true;

  BlockRun(Program program, GlobalMemory global, byte[] arguments, Launch launch) {
    this.program = program;
    this.global = global;
    this.arguments = arguments;
    this.launch = launch;
    this.shared = new SharedMemory(program.staticSharedBytes() + launch.sharedBytes());
    this.warps = new Warp[(launch.threads() + Warp.LANES - 1) / Warp.LANES];
    for (int i = 0; i < warps.length; i++) {
      warps[i] = new Warp(this, i, launch.threads());
    }
  }

  int x() {
    return x;
  }

  int y() {
    return y;
  }

  int z() {
    return z;
  }

  /** Runs a block of the grid. */
  void run(long index) {
    x = (int) (index % launch.gridX());
    y = (int) (index / launch.gridX() % launch.gridY());
    z = (int) (index / launch.gridX() / launch.gridY());
    shared.reset();
    for (Warp warp : warps) {
      warp.start();
    }
    boolean someLeft = true;
    while (someLeft) {
      someLeft = false;
      for (Warp warp : warps) {
        if (!warp.isDone()) {
          warp.run();
          someLeft |= !warp.isDone();
        }
      }
      release();
    }
  }

  /** All warps that have not ended stand at the barrier now. */
  private void release() {
    shared.barrier();
    for (Warp warp : warps) {
      if (warp.isAtBarrier()) {
        program.finishReduction(this, warp);
        warp.leaveBarrier();
      }
    }
    anyOf = false;
    allOf = true;
  }

  EmulatorFault explain(EmulatorFault fault, Instruction instruction, Warp warp, int lanes) {
    return new EmulatorFault(
        "%s, block (%d, %d, %d), threads %d+%08x, PTX line %d '%s': %s"
            .formatted(
                program.name(),
                x,
                y,
                z,
                warp.firstThread(),
                lanes,
                instruction.statement().line(),
                instruction.statement(),
                fault.getMessage()),
        fault);
  }
}
