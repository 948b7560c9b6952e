package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Gives regions of off-heap memory to arenas and keeps returned ones for the next: the arenas of two training steps ask
 * for the same sizes in the same order, so after the first step nothing comes from the system any more.
 */
final class CpuMemory {
  private static final long PAGE = 4096;

  private final TreeMap<Long, ArrayDeque<TensorArena.Region>> cached = new TreeMap<>();
  private final Map<Long, Arena> ownerByAddress = new HashMap<>();
  private long reservedBytes;
  private long peakReservedBytes;

  /** A region of at least the given size. */
  synchronized TensorArena.Region acquire(long bytes) {
    long size = sizeClass(bytes);
    var fitting = cached.ceilingEntry(size);
    // A region more than twice as large as needed is left for an arena that needs it.
    if (fitting != null && fitting.getKey() <= 2 * size) {
      return takeCached(fitting.getKey());
    }
    makeRoom(size);
    Arena owner = Arena.ofShared();
    MemorySegment segment;
    try {
      segment = owner.allocate(size, TensorArena.ALIGNMENT);
    } catch (OutOfMemoryError e) {
      owner.close();
      throw e;
    }
    ownerByAddress.put(segment.address(), owner);
    reservedBytes += size;
    peakReservedBytes = Math.max(peakReservedBytes, reservedBytes);
    return new TensorArena.Region(segment.address(), size, segment);
  }

  /** Takes a region back for later. */
  synchronized void release(TensorArena.Region region) {
    cached.computeIfAbsent(region.bytes(), _ -> new ArrayDeque<>()).push(region);
  }

  /** Gives every region that no arena holds back to the system. */
  synchronized void trim() {
    while (!cached.isEmpty()) {
      giveBack(takeCached(cached.lastKey()));
    }
  }

  synchronized long reservedBytes() {
    return reservedBytes;
  }

  synchronized long peakReservedBytes() {
    return peakReservedBytes;
  }

  /** Before the system is asked for more: gives back cached regions that did not fit, up to as much as is asked for. */
  private void makeRoom(long bytes) {
    long freed = 0;
    while (freed < bytes && !cached.isEmpty()) {
      Long below = cached.lowerKey(bytes);
      TensorArena.Region region = takeCached(below != null ? below : cached.lastKey());
      freed += region.bytes();
      giveBack(region);
    }
  }

  private TensorArena.Region takeCached(long size) {
    ArrayDeque<TensorArena.Region> regions = cached.get(size);
    TensorArena.Region region = regions.pop();
    if (regions.isEmpty()) {
      cached.remove(size);
    }
    return region;
  }

  private void giveBack(TensorArena.Region region) {
    reservedBytes -= region.bytes();
    ownerByAddress.remove(region.address()).close();
  }

  /** Rounds up to a sixteenth of the power of two below, at least to a page, so that similar requests share regions. */
  private static long sizeClass(long bytes) {
    long step = Math.max(PAGE, Long.highestOneBit(bytes) >>> 4);
    return Math.addExact(bytes, step - 1) & -step;
  }
}
