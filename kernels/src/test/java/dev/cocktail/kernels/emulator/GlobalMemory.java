package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.OutOfGpuMemoryException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory that all kernels share. Beside each byte stands what may be done with it: whether it belongs to a block,
 * and whether it was written since the block was taken.
 */
final class GlobalMemory {
  /** No address of the host looks like the GPU's. */
  static final long FIRST_ADDRESS = 0x700_0000_0000L;

  static final int PAGE_BITS = 21;
  private static final int PAGE = 1 << PAGE_BITS;
  private static final int PAGES = 1 << 16;

  private static final byte TAKEN = 1;
  private static final byte WRITTEN = 2;
  private static final byte FREED = 4;
  private static final byte READABLE = TAKEN | WRITTEN;

  private final byte[][] pages = new byte[PAGES][];
  private final byte[][] states = new byte[PAGES][];
  private final TreeMap<Long, Long> reserved = new TreeMap<>();
  private final Map<Long, Long> blocks = new HashMap<>();
  private final long total;
  private long mapped;
  private long nextAddress = FIRST_ADDRESS + PAGE;

  /** Guards atomic operations of kernels, whose blocks run on several threads. */
  final Object atomics = new Object();

  GlobalMemory(long total) {
    this.total = total;
  }

  long freeBytes() {
    return total - mapped;
  }

  long reserve(long bytes) {
    requireWholePages("reserve", bytes);
    long address = nextAddress;
    // A page that is never mapped keeps ranges apart.
    nextAddress += bytes + PAGE;
    if ((nextAddress - FIRST_ADDRESS) >>> PAGE_BITS > PAGES) {
      throw new GpuException("no range of " + bytes + " addresses is left");
    }
    reserved.put(address, bytes);
    return address;
  }

  private static void requireWholePages(String what, long bytes) {
    if (bytes <= 0 || bytes % PAGE != 0) {
      throw new GpuException(what + ": " + bytes + " bytes are not a positive multiple of " + PAGE);
    }
  }

  void map(long address, long bytes) {
    requireWholePages("map", bytes);
    Map.Entry<Long, Long> range = reserved.floorEntry(address);
    if (range == null
        || address + bytes > range.getKey() + range.getValue()
        || (address - range.getKey()) % PAGE != 0) {
      throw new GpuException("map: " + bytes + " bytes at 0x%x lie in no reserved range".formatted(address));
    }
    if (bytes > freeBytes()) {
      throw new OutOfGpuMemoryException(bytes, freeBytes(), mapped);
    }
    for (long at = address; at < address + bytes; at += PAGE) {
      if (pages[page(at)] != null) {
        throw new GpuException("map: 0x%x is mapped already".formatted(at));
      }
    }
    for (long at = address; at < address + bytes; at += PAGE) {
      pages[page(at)] = new byte[PAGE];
      states[page(at)] = new byte[PAGE];
    }
    mapped += bytes;
  }

  void release(long address) {
    Long bytes = reserved.remove(address);
    if (bytes == null) {
      throw new GpuException("release: no reserved range begins at 0x%x".formatted(address));
    }
    for (long at = address; at < address + bytes; at += PAGE) {
      if (pages[page(at)] != null) {
        pages[page(at)] = null;
        states[page(at)] = null;
        mapped -= PAGE;
      }
    }
    long end = address + bytes;
    blocks.keySet().removeIf(block -> block >= address && block < end);
  }

  private static int page(long address) {
    return (int) ((address - FIRST_ADDRESS) >>> PAGE_BITS);
  }

  private byte[] stateOrNull(long address) {
    long page = (address - FIRST_ADDRESS) >>> PAGE_BITS;
    return page >= 0 && page < PAGES ? states[(int) page] : null;
  }

  /** Makes a block accessible, and forgets what was in it. */
  void blockTaken(long address, long bytes) {
    eachPart(
        address,
        bytes,
        (state, ignored, from, to, done) -> {
          for (int i = from; i < to; i++) {
            if ((state[i] & TAKEN) != 0) {
              throw new GpuException("block at 0x%x: taken although part of it is another block's".formatted(address));
            }
          }
          Arrays.fill(state, from, to, TAKEN);
        });
    blocks.put(address, bytes);
  }

  void blockReturned(long address) {
    Long bytes = blocks.remove(address);
    if (bytes == null) {
      throw new GpuException("block at 0x%x: returned, but not taken".formatted(address));
    }
    eachPart(address, bytes, (state, ignored, from, to, done) -> Arrays.fill(state, from, to, FREED));
  }

  private interface Part {
    void visit(byte[] state, byte[] data, int from, int to, long done);
  }

  private void eachPart(long address, long bytes, Part part) {
    for (long done = 0; done < bytes; ) {
      long at = address + done;
      byte[] state = stateOrNull(at);
      if (state == null) {
        throw new GpuException("0x%x: no memory is mapped there".formatted(at));
      }
      int from = (int) (at & (PAGE - 1));
      int to = (int) Math.min(PAGE, from + bytes - done);
      part.visit(state, pages[page(at)], from, to, done);
      done += to - from;
    }
  }

  // The host's accesses

  /** Copies to the host; {@code what} begins the message of a fault. */
  void read(String what, long address, MemorySegment target) {
    checked(
        what,
        address,
        target.byteSize(),
        READABLE,
        (state, data, from, to, done) -> {
          MemorySegment.copy(data, from, target, ValueLayout.JAVA_BYTE, done, to - from);
        });
  }

  /** Copies from the host. */
  void write(String what, long address, MemorySegment source) {
    checked(
        what,
        address,
        source.byteSize(),
        TAKEN,
        (state, data, from, to, done) -> {
          MemorySegment.copy(source, ValueLayout.JAVA_BYTE, done, data, from, to - from);
          Arrays.fill(state, from, to, READABLE);
        });
  }

  void fill(String what, long address, byte value, long bytes) {
    checked(
        what,
        address,
        bytes,
        TAKEN,
        (state, data, from, to, done) -> {
          Arrays.fill(data, from, to, value);
          Arrays.fill(state, from, to, READABLE);
        });
  }

  private void checked(String what, long address, long bytes, byte needed, Part part) {
    eachPart(
        address,
        bytes,
        (state, data, from, to, done) -> {
          for (int i = from; i < to; i++) {
            if ((state[i] & needed) != needed) {
              String problem = problem(address + done + i - from, 1, needed == READABLE);
              throw new EmulatorFault("%s at 0x%x, %d bytes: %s".formatted(what, address, bytes, problem));
            }
          }
        });
    eachPart(address, bytes, part);
  }

  // The kernels' accesses; the caller has checked the alignment

  long load(Warp warp, int lane, long address, int bytes) {
    long page = (address - FIRST_ADDRESS) >>> PAGE_BITS;
    if (page >= 0 && page < PAGES) {
      byte[] state = states[(int) page];
      int offset = (int) address & (PAGE - 1);
      if (state != null && Bytes.get(state, offset, bytes) == Bytes.repeat(READABLE, bytes)) {
        return Bytes.get(pages[(int) page], offset, bytes);
      }
    }
    throw warp.fault(lane, "reads " + bytes + " bytes of global memory, " + problem(address, bytes, true));
  }

  void store(Warp warp, int lane, long address, int bytes, long value) {
    long page = (address - FIRST_ADDRESS) >>> PAGE_BITS;
    if (page >= 0 && page < PAGES) {
      byte[] state = states[(int) page];
      int offset = (int) address & (PAGE - 1);
      long taken = Bytes.repeat(TAKEN, bytes);
      if (state != null && (Bytes.get(state, offset, bytes) & taken) == taken) {
        Bytes.put(pages[(int) page], offset, bytes, value);
        Bytes.put(state, offset, bytes, Bytes.repeat(READABLE, bytes));
        return;
      }
    }
    throw warp.fault(lane, "writes " + bytes + " bytes of global memory, " + problem(address, bytes, false));
  }

  /** Why a range of a few bytes must not be touched. */
  private String problem(long address, int bytes, boolean reading) {
    for (long at = address; at < address + bytes; at++) {
      byte[] state = stateOrNull(at);
      if (state == null) {
        return "0x%x is out of bounds: no memory is mapped there".formatted(at);
      }
      int here = state[(int) at & (PAGE - 1)];
      if ((here & FREED) != 0) {
        return "0x%x is in freed memory".formatted(at);
      }
      if ((here & TAKEN) == 0) {
        return "0x%x is out of bounds: %s".formatted(at, nearest(at));
      }
      if (reading && (here & WRITTEN) == 0) {
        return "0x%x was never written".formatted(at);
      }
    }
    return "0x%x".formatted(address);
  }

  private String nearest(long address) {
    long best = -1;
    for (long block : blocks.keySet()) {
      if (block <= address && block > best) {
        best = block;
      }
    }
    return best < 0
        ? "no block lies below"
        : "%d bytes behind the start of a block of %d bytes".formatted(address - best, blocks.get(best));
  }
}
