package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.Launch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Runs all blocks of a launch, on two threads. Of several faults, the one of the first block counts. */
final class Grid {
  private static final ExecutorService SECOND =
      Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "emulated-blocks");
        thread.setDaemon(true);
        return thread;
      });

  private final Program code;
  private final Launch launch;
  private final GlobalMemory memory;
  private final byte[] parameters;
  private final int sharedBytes;
  private final long blocks;
  private final AtomicLong next = new AtomicLong();
  private final AtomicLong executed = new AtomicLong();
  private volatile boolean stopped;
  private long faultyBlock = Long.MAX_VALUE;
  private RuntimeException fault;

  private Grid(Program code, Launch launch, GlobalMemory memory, byte[] parameters, int sharedBytes) {
    this.code = code;
    this.launch = launch;
    this.memory = memory;
    this.parameters = parameters;
    this.sharedBytes = sharedBytes;
    blocks = (long) launch.gridX() * launch.gridY() * launch.gridZ();
  }

  /** Runs to the end; returns how many instructions all threads did. */
  static long run(Program code, Launch launch, GlobalMemory memory, byte[] parameters, int sharedBytes) {
    Grid grid = new Grid(code, launch, memory, parameters, sharedBytes);
    if (grid.blocks == 1) {
      grid.work();
    } else {
      Future<?> second = SECOND.submit(grid::work);
      grid.work();
      try {
        second.get();
      } catch (java.util.concurrent.ExecutionException e) {
        throw new GpuException("the emulator failed in " + code.kernel.name(), e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new GpuException("interrupted while a kernel ran", e);
      }
    }
    if (grid.fault instanceof EmulatorFault fault) {
      throw new EmulatorFault(fault.getMessage() + " (" + launch + ")", fault);
    }
    if (grid.fault != null) {
      throw new GpuException("the emulator failed in " + code.kernel.name() + " (" + launch + ")", grid.fault);
    }
    return grid.executed.get();
  }

  private void work() {
    Block block = new Block(code, launch, memory, parameters, sharedBytes);
    while (!stopped) {
      long number = next.getAndIncrement();
      if (number >= blocks) {
        break;
      }
      try {
        block.run(number);
      } catch (RuntimeException e) {
        stopped = true;
        noteFault(number, e);
      }
    }
    executed.addAndGet(block.executed());
  }

  private synchronized void noteFault(long number, RuntimeException e) {
    if (number < faultyBlock) {
      faultyBlock = number;
      fault = e;
    }
  }
}
