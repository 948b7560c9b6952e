package dev.cocktail.tensor;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Owns the memory of tensors that live and die together: the model's, the optimiser's, one step's. Closing the arena
 * frees all of them at once; {@link #free} gives a block back earlier, to be used again inside the same arena.
 *
 * <p>Memory comes from the device in regions; inside them blocks are handed out best fit, lowest address first, and
 * free neighbours are merged, so equal sequences of calls give equal addresses. An arena belongs to the one thread that
 * drives its device.
 */
public final class TensorArena implements AutoCloseable {
  /** Alignment of every block: a cache line, a 512-bit vector, and what cuBLAS and vectorised kernels want. */
  public static final int ALIGNMENT = 256;

  private static final long SMALLEST_REGION = 1L << 20;
  private static final long LARGEST_GROWTH = 64L << 20;

  /** A contiguous piece of device memory; {@code segment} is null where Java cannot touch it. */
  public record Region(long address, long bytes, MemorySegment segment) {}

  /** Where an arena's regions come from and go back to: the device. */
  public interface Source {
    /** A region of at least {@code bytes} bytes, aligned to {@link #ALIGNMENT}; contents undefined. */
    Region acquire(long bytes);

    /** Takes a region back. */
    void release(Region region);

    /** Told when a block of a region becomes a tensor's; {@code bytes} is what the tensor holds, not rounded up. */
    default void blockTaken(long address, long bytes) {}

    /** Told when a tensor's block is free again. */
    default void blockReturned(long address) {}

    /** Called once when the arena has been closed. */
    void closed(TensorArena arena);
  }

  private final String name;
  private final Source source;
  private final boolean poison;
  private final List<Region> regions = new ArrayList<>();
  private final TreeMap<Long, Long> freeByAddress = new TreeMap<>();
  private final TreeMap<Long, TreeMap<Long, Region>> freeBySize = new TreeMap<>();
  private final Map<Long, Block> used = new HashMap<>();
  private long reservedBytes;
  private long allocatedBytes;
  private long peakBytes;
  private boolean closed;

  private record Block(long bytes, Region region) {}

  /**
   * An arena over the given source.
   *
   * @param poison fill new blocks of host memory with NaN bytes so that reading what was never written shows
   */
  public TensorArena(String name, Source source, boolean poison) {
    this.name = requireNonNull(name, "name");
    this.source = requireNonNull(source, "source");
    this.poison = poison;
  }

  /** What the arena is for, as named by whoever opened it. */
  public String name() {
    return name;
  }

  /** Bytes of all blocks handed out and not freed, each rounded up to {@link #ALIGNMENT}. */
  public long allocatedBytes() {
    return allocatedBytes;
  }

  /** The largest value {@link #allocatedBytes()} ever had. */
  public long peakBytes() {
    return peakBytes;
  }

  /** Bytes taken from the device. */
  public long reservedBytes() {
    return reservedBytes;
  }

  /** A tensor with undefined contents. */
  public Tensor allocate(DType dtype, long... dims) {
    return allocate(dtype, Shape.of(dims));
  }

  /** A tensor with undefined contents. */
  public Tensor allocate(DType dtype, Shape shape) {
    requireOpen();
    long exact = Math.multiplyExact(shape.elements(), dtype.bytes());
    long bytes = Math.max(ALIGNMENT, roundUp(exact));
    var candidates = freeBySize.ceilingEntry(bytes);
    if (candidates == null) {
      grow(bytes);
      candidates = freeBySize.ceilingEntry(bytes);
    }
    long size = candidates.getKey();
    var lowest = candidates.getValue().firstEntry();
    long address = lowest.getKey();
    Region region = lowest.getValue();
    removeFree(address, size);
    if (size > bytes) {
      addFree(address + bytes, size - bytes, region);
    }
    used.put(address, new Block(bytes, region));
    source.blockTaken(address, exact);
    allocatedBytes += bytes;
    peakBytes = Math.max(peakBytes, allocatedBytes);
    if (region.segment() == null) {
      return Tensor.onDevice(dtype, shape, address);
    }
    MemorySegment block = region.segment().asSlice(address - region.address(), exact);
    if (poison) {
      block.fill((byte) 0xFF);
    }
    return Tensor.onHost(dtype, shape, block);
  }

  /** Gives back the block of a tensor that {@link #allocate} of this arena returned (not a slice of it). */
  public void free(Tensor tensor) {
    requireOpen();
    Block block = used.get(tensor.address());
    if (block == null || block.bytes != Math.max(ALIGNMENT, roundUp(tensor.byteSize()))) {
      throw new IllegalStateException(tensor + " is not a block of arena '" + name + "', or was freed before");
    }
    used.remove(tensor.address());
    source.blockReturned(tensor.address());
    allocatedBytes -= block.bytes;
    if (poison && tensor.isOnHost()) {
      tensor.segment().fill((byte) 0xFF);
    }
    long address = tensor.address();
    long bytes = block.bytes;
    Region region = block.region;
    Map.Entry<Long, Long> after = freeByAddress.ceilingEntry(address);
    long end = region.address() + region.bytes();
    if (after != null && after.getKey() == address + bytes && after.getKey() < end) {
      long size = after.getValue();
      removeFree(after.getKey(), size);
      bytes += size;
    }
    Map.Entry<Long, Long> before = freeByAddress.floorEntry(address);
    if (before != null && before.getKey() + before.getValue() == address && before.getKey() >= region.address()) {
      long start = before.getKey();
      long size = before.getValue();
      removeFree(start, size);
      address = start;
      bytes += size;
    }
    addFree(address, bytes, region);
  }

  private void grow(long bytes) {
    long wanted = Math.max(bytes, Math.clamp(reservedBytes, SMALLEST_REGION, LARGEST_GROWTH));
    Region region = source.acquire(wanted);
    regions.add(region);
    reservedBytes += region.bytes();
    addFree(region.address(), region.bytes(), region);
  }

  private void addFree(long address, long bytes, Region region) {
    freeByAddress.put(address, bytes);
    freeBySize.computeIfAbsent(bytes, _ -> new TreeMap<>()).put(address, region);
  }

  private void removeFree(long address, long bytes) {
    freeByAddress.remove(address);
    TreeMap<Long, Region> sameSize = freeBySize.get(bytes);
    sameSize.remove(address);
    if (sameSize.isEmpty()) {
      freeBySize.remove(bytes);
    }
  }

  private static long roundUp(long bytes) {
    return Math.addExact(bytes, ALIGNMENT - 1L) & -ALIGNMENT;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("arena '" + name + "' is closed");
    }
  }

  /** Frees everything; tensors of this arena must not be used any more. Closing twice does nothing. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    used.keySet().forEach(source::blockReturned);
    for (Region region : regions) {
      if (poison && region.segment() != null) {
        region.segment().fill((byte) 0xFF);
      }
      source.release(region);
    }
    regions.clear();
    used.clear();
    freeByAddress.clear();
    freeBySize.clear();
    allocatedBytes = 0;
    source.closed(this);
  }

  @Override
  public String toString() {
    return "arena '" + name + "' (" + allocatedBytes + " bytes in use, peak " + peakBytes + ")";
  }
}
