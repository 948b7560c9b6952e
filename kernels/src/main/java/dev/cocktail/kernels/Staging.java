package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.GpuDriver;
import java.lang.foreign.MemorySegment;

/**
 * Copies from the host through pinned memory, so that the host need not wait for a copy: the bytes are moved aside and
 * the copy takes its place in the stream. Two halves take turns; before one is used again, the copies out of it must be
 * done.
 */
final class Staging {
  private static final long HALF = 4L << 20;
  private static final long ALIGNMENT = 256;

  private final GpuDriver driver;
  private final GpuDriver.Stream stream;
  private final MemorySegment[] halves = new MemorySegment[2];
  private final GpuDriver.Event[] emptied = new GpuDriver.Event[2];
  private int current;
  private long used;

  Staging(GpuDriver driver, GpuDriver.Stream stream) {
    this.driver = driver;
    this.stream = stream;
    for (int i = 0; i < 2; i++) {
      halves[i] = driver.allocatePinned(HALF);
      emptied[i] = driver.openEvent();
    }
  }

  /** Issues a copy; the host's memory may be changed or freed when this returns. */
  void copyToGpu(long target, MemorySegment host) {
    if (!driver.computes()) {
      return; // Reading a mapped model from the disk for nothing would take long.
    }
    for (long done = 0; done < host.byteSize(); ) {
      if (used == HALF) {
        driver.record(emptied[current], stream);
        current = 1 - current;
        driver.synchronize(emptied[current]);
        used = 0;
      }
      long part = Math.min(host.byteSize() - done, HALF - used);
      MemorySegment pinned = halves[current].asSlice(used, part);
      pinned.copyFrom(host.asSlice(done, part));
      driver.copyToGpu(target + done, pinned, stream);
      done += part;
      used = Math.min(HALF, (used + part + ALIGNMENT - 1) & -ALIGNMENT);
    }
  }
}
