package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.OutOfGpuMemoryException;
import dev.cocktail.tensor.OutOfDeviceMemoryException;
import dev.cocktail.tensor.TensorArena;
import java.util.Map;
import java.util.TreeMap;

/**
 * Gives regions to arenas from one reserved range of addresses, as large as the GPU's memory. Memory is mapped from the
 * range's start as it is needed and stays mapped; regions that come back are merged with free neighbours, so arenas of
 * different sizes, one step's after another's, do not cut the memory into pieces.
 */
final class CudaMemory {
  /** Regions begin at multiples of this, well aligned for every kernel. */
  private static final long STEP = 64L << 10;

  private final GpuDriver driver;
  private final long granularity;
  private final long start;
  private final long limit;
  private final TreeMap<Long, Long> free = new TreeMap<>();
  private long end;

  CudaMemory(GpuDriver driver) {
    this.driver = driver;
    this.granularity = Math.max(driver.granularity(), STEP);
    long range = roundUp(driver.info().totalBytes(), granularity);
    this.start = driver.reserve(range);
    this.end = start;
    this.limit = start + range;
  }

  /** A region of at least the given size: the smallest free one that fits, the lowest of equals, or new memory. */
  TensorArena.Region acquire(long bytes) {
    long size = roundUp(bytes, STEP);
    Map.Entry<Long, Long> fitting = fitting(size);
    if (fitting == null) {
      grow(size);
      fitting = fitting(size);
    }
    long address = fitting.getKey();
    long rest = fitting.getValue() - size;
    free.remove(address);
    if (rest > 0) {
      free.put(address + size, rest);
    }
    return new TensorArena.Region(address, size, null);
  }

  private Map.Entry<Long, Long> fitting(long size) {
    Map.Entry<Long, Long> best = null;
    for (Map.Entry<Long, Long> candidate : free.entrySet()) {
      long bytes = candidate.getValue();
      if (bytes >= size && (best == null || bytes < best.getValue())) {
        best = candidate;
      }
    }
    return best;
  }

  /** Maps what is missing behind the free region at the end, if there is one. */
  private void grow(long size) {
    Map.Entry<Long, Long> last = free.lastEntry();
    boolean touchesEnd = last != null && last.getKey() + last.getValue() == end;
    long missing = roundUp(touchesEnd ? size - last.getValue() : size, granularity);
    try {
      if (missing > limit - end) {
        throw new OutOfGpuMemoryException(missing, limit - end, reservedBytes());
      }
      driver.map(end, missing);
    } catch (OutOfGpuMemoryException e) {
      throw new OutOfDeviceMemoryException(
          "cuda:" + driver.info().ordinal(), missing, driver.freeBytes(), reservedBytes(), e);
    }
    insert(end, missing);
    end += missing;
  }

  /** Takes a region back. Work that still uses it may be under way: what comes next is issued behind it. */
  void release(TensorArena.Region region) {
    insert(region.address(), region.bytes());
  }

  private void insert(long address, long bytes) {
    Long after = free.remove(address + bytes);
    if (after != null) {
      bytes += after;
    }
    Map.Entry<Long, Long> before = free.lowerEntry(address);
    if (before != null && before.getKey() + before.getValue() == address) {
      address = before.getKey();
      bytes += before.getValue();
    }
    free.put(address, bytes);
  }

  /** Bytes of memory taken from the GPU; it only grows. */
  long reservedBytes() {
    return end - start;
  }

  /** Bytes that regions can still be given: those mapped and free, and those not mapped yet. */
  long availableBytes() {
    return free.values().stream().mapToLong(Long::longValue).sum() + driver.freeBytes();
  }

  void close() {
    driver.release(start);
  }

  private static long roundUp(long bytes, long step) {
    return Math.addExact(bytes, step - 1) / step * step;
  }
}
