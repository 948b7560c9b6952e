package dev.cocktail.kernels.driver;

import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemGetInfo;

import dev.cocktail.kernels.driver.NativeLibrary.UnavailableException;
import java.util.TreeMap;

/**
 * Ranges of addresses and the memory behind them, in one of two ways: virtual memory, where memory is put behind
 * addresses as it is needed; or, where the driver has none (some virtual GPUs), one allocation of nearly all free
 * memory for each range. Methods that return an int return the driver's code.
 */
abstract class GpuMemory {
  static final long GRANULARITY_WITHOUT_VIRTUAL_MEMORY = 2L << 20;

  /** Left free for the driver's own needs and for libraries. */
  private static final long LEFT_FREE = 512L << 20;

  private long held;

  /** The memory of a GPU whose context is the current one. */
  static GpuMemory of(DriverLibrary library, int ordinal) {
    if (library.attribute(ordinal, DriverLibrary.Attribute.VIRTUAL_MEMORY) == 0) {
      return new WholeMemory("no virtual memory on this GPU: nearly all of its memory is taken at once");
    }
    try {
      return new MappedMemory(library.virtualMemory(ordinal));
    } catch (UnavailableException e) {
      return new WholeMemory("no virtual memory (%s): nearly all memory is taken at once".formatted(e.getMessage()));
    }
  }

  abstract String note();

  abstract long granularity();

  abstract long reserve(long bytes);

  abstract int map(long address, long bytes);

  abstract int release(long address);

  abstract void close();

  /** Bytes of memory taken. */
  final long heldBytes() {
    return held;
  }

  final void took(long bytes) {
    held += bytes;
  }

  long freeBytes() {
    return free();
  }

  static long free() {
    long[] free = {0};
    long[] total = {0};
    int code = cuMemGetInfo(free, total);
    if (code != DriverErrors.SUCCESS) {
      throw new GpuException("cannot ask how much memory the GPU has free: " + DriverErrors.describe(code));
    }
    return free[0];
  }

  private static final class MappedMemory extends GpuMemory {
    private final DriverLibrary.VirtualMemory driver;
    private final long granularity;
    private final TreeMap<Long, Long> ranges = new TreeMap<>();
    private final TreeMap<Long, Long> mapped = new TreeMap<>();

    MappedMemory(DriverLibrary.VirtualMemory driver) {
      this.driver = driver;
      int code = driver.granularity();
      if (code != DriverErrors.SUCCESS) {
        throw new GpuException("cannot ask for the granularity of memory: " + DriverErrors.describe(code));
      }
      this.granularity = driver.result();
    }

    @Override
    String note() {
      return "";
    }

    @Override
    long granularity() {
      return granularity;
    }

    @Override
    long reserve(long bytes) {
      int code = driver.reserve(bytes);
      if (code != DriverErrors.SUCCESS) {
        throw new GpuException(
            "cannot reserve %,d bytes of addresses: %s".formatted(bytes, DriverErrors.describe(code)));
      }
      ranges.put(driver.result(), bytes);
      return driver.result();
    }

    @Override
    int map(long address, long bytes) {
      int code = driver.map(address, bytes);
      if (code == DriverErrors.SUCCESS) {
        mapped.put(address, bytes);
        took(bytes);
      }
      return code;
    }

    @Override
    int release(long address) {
      Long bytes = ranges.remove(address);
      if (bytes == null) {
        throw new IllegalArgumentException("no range was reserved at address " + address);
      }
      int first = DriverErrors.SUCCESS;
      var pieces = mapped.subMap(address, address + bytes);
      for (var piece : pieces.entrySet()) {
        int code = driver.unmap(piece.getKey(), piece.getValue());
        first = first == DriverErrors.SUCCESS ? code : first;
        took(-piece.getValue());
      }
      pieces.clear();
      int code = driver.free(address, bytes);
      return first == DriverErrors.SUCCESS ? code : first;
    }

    @Override
    void close() {
      while (!ranges.isEmpty()) {
        release(ranges.firstKey());
      }
    }
  }

  private static final class WholeMemory extends GpuMemory {
    private final String note;
    private final TreeMap<Long, Long> ranges = new TreeMap<>();
    private final TreeMap<Long, Long> mapped = new TreeMap<>();
    private long unmapped;

    WholeMemory(String note) {
      this.note = note;
    }

    @Override
    String note() {
      return note;
    }

    @Override
    long granularity() {
      return GRANULARITY_WITHOUT_VIRTUAL_MEMORY;
    }

    @Override
    long reserve(long bytes) {
      long step = GRANULARITY_WITHOUT_VIRTUAL_MEMORY;
      long taken = Math.min(bytes, Math.max(step, (free() - LEFT_FREE) / step * step));
      GpuPointer pointer = new GpuPointer();
      int code = cuMemAlloc(pointer, taken);
      if (code != DriverErrors.SUCCESS) {
        throw new GpuException("cannot take %,d bytes of memory: %s".formatted(taken, DriverErrors.describe(code)));
      }
      ranges.put(pointer.address(), taken);
      unmapped += taken;
      return pointer.address();
    }

    @Override
    long freeBytes() {
      return unmapped;
    }

    @Override
    int map(long address, long bytes) {
      var range = ranges.floorEntry(address);
      if (range == null) {
        throw new IllegalArgumentException("address " + address + " is in no reserved range");
      }
      if (address + bytes > range.getKey() + range.getValue()) {
        return DriverLibrary.OUT_OF_MEMORY;
      }
      mapped.merge(range.getKey(), bytes, Long::sum);
      unmapped -= bytes;
      took(bytes);
      return DriverErrors.SUCCESS;
    }

    @Override
    int release(long address) {
      Long bytes = ranges.remove(address);
      if (bytes == null) {
        throw new IllegalArgumentException("no range was reserved at address " + address);
      }
      long used = mapped.getOrDefault(address, 0L);
      mapped.remove(address);
      unmapped -= bytes - used;
      took(-used);
      return cuMemFree(new GpuPointer(address));
    }

    @Override
    void close() {
      while (!ranges.isEmpty()) {
        release(ranges.firstKey());
      }
    }
  }
}
