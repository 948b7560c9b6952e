package dev.cocktail.kernels.emulator;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.TreeMap;

/**
 * The GPU's memory: one range of addresses, of which a part from the start is mapped, in pages. Beside every byte
 * stands whether it may be touched and whether it was ever written.
 */
final class GlobalMemory {
  static final long START = 0x7F00_0000_0000L;
  static final int PAGE_BITS = 21;
  static final int PAGE = 1 << PAGE_BITS;

  /** What may be done with a byte: nothing, only write it, or read it too. */
  static final byte NOBODYS = 0;

  static final byte UNWRITTEN = 1;
  static final byte WRITTEN = 2;

  static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long WRITTEN_8 = 0x0202020202020202L;
  private static final long ONES_8 = 0x0101010101010101L;

  private final byte[][] data;
  private final byte[][] states;
  private final TreeMap<Long, Long> blocks = new TreeMap<>();
  private final TreeMap<Long, Long> returned = new TreeMap<>();
  private int pages;

  GlobalMemory(long bytes) {
    int count = Math.toIntExact(bytes >> PAGE_BITS);
    data = new byte[count][];
    states = new byte[count][];
  }

  void map(long address, long bytes) {
    int first = Math.toIntExact((address - START) >> PAGE_BITS);
    for (int page = first; page < first + (bytes >> PAGE_BITS); page++) {
      data[page] = new byte[PAGE];
      states[page] = new byte[PAGE];
      pages++;
    }
  }

  void unmapAll() {
    Arrays.fill(data, null);
    Arrays.fill(states, null);
    pages = 0;
  }

  long mappedBytes() {
    return (long) pages << PAGE_BITS;
  }

  void take(long address, long bytes) {
    blocks.put(address, bytes);
    mark(address, bytes, UNWRITTEN);
  }

  void giveBack(long address) {
    Long bytes = blocks.remove(address);
    if (bytes == null) {
      throw new EmulatorFault("no block at address " + Long.toHexString(address) + " to give back");
    }
    returned.put(address, bytes);
    mark(address, bytes, NOBODYS);
  }

  private void mark(long address, long bytes, byte state) {
    for (long done = 0; done < bytes; ) {
      int page = page(address + done);
      int from = (int) (address + done) & (PAGE - 1);
      int count = (int) Math.min(bytes - done, PAGE - from);
      Arrays.fill(states[page], from, from + count, state);
      done += count;
    }
  }

  private static int page(long address) {
    return (int) ((address - START) >> PAGE_BITS);
  }

  private byte[] states(long address) {
    long page = (address - START) >> PAGE_BITS;
    byte[] found = page < 0 || page >= states.length ? null : states[(int) page];
    if (found == null) {
      throw outOfBounds(address);
    }
    return found;
  }

  private EmulatorFault outOfBounds(long address) {
    var before = returned.floorEntry(address);
    var alive = blocks.floorEntry(address);
    String where = "address 0x" + Long.toHexString(address);
    if (alive != null && address < alive.getKey() + alive.getValue() + PAGE) {
      where += " lies %d bytes behind the start of a block of %d".formatted(address - alive.getKey(), alive.getValue());
    }
    boolean freed = before != null && address < before.getKey() + before.getValue();
    return new EmulatorFault((freed ? "freed memory: " : "out of bounds: ") + where);
  }

  private void check(long address, int bytes, boolean reads) {
    if ((address & (bytes - 1)) != 0) {
      throw new EmulatorFault("misaligned: address 0x%x for %d bytes".formatted(address, bytes));
    }
    byte[] state = states(address);
    int index = (int) address & (PAGE - 1);
    boolean fine =
        switch (bytes) {
          case 1 -> state[index] == WRITTEN || (!reads && state[index] != NOBODYS);
          case 2 -> allowed((short) SHORT.get(state, index) & 0xFFFFL, 0xFFFFL, reads);
          case 4 -> allowed((int) INT.get(state, index) & 0xFFFFFFFFL, 0xFFFFFFFFL, reads);
          default -> allowed((long) LONG.get(state, index), -1L, reads);
        };
    if (!fine) {
      for (int i = 0; i < bytes; i++) {
        if (state[index + i] == NOBODYS) {
          throw outOfBounds(address + i);
        }
      }
      throw new EmulatorFault("never written: address 0x%x is read".formatted(address));
    }
  }

  private static boolean allowed(long state, long width, boolean reads) {
    long wanted = WRITTEN_8 & width;
    return state == wanted || (!reads && (((state | (state >>> 1)) & ONES_8) == (ONES_8 & width)));
  }

  long load(long address, int bytes) {
    check(address, bytes, true);
    byte[] page = data[page(address)];
    int index = (int) address & (PAGE - 1);
    return switch (bytes) {
      case 1 -> page[index];
      case 2 -> (short) SHORT.get(page, index) & 0xFFFF;
      case 4 -> (int) INT.get(page, index);
      default -> (long) LONG.get(page, index);
    };
  }

  void store(long address, int bytes, long value) {
    check(address, bytes, false);
    byte[] page = data[page(address)];
    byte[] state = states[page(address)];
    int index = (int) address & (PAGE - 1);
    switch (bytes) {
      case 1 -> {
        page[index] = (byte) value;
        state[index] = WRITTEN;
      }
      case 2 -> {
        SHORT.set(page, index, (short) value);
        SHORT.set(state, index, (short) WRITTEN_8);
      }
      case 4 -> {
        INT.set(page, index, (int) value);
        INT.set(state, index, (int) WRITTEN_8);
      }
      default -> {
        LONG.set(page, index, value);
        LONG.set(state, index, WRITTEN_8);
      }
    }
  }

  /** Checks a range as a copy or a library reads it. */
  void requireReadable(long address, long bytes) {
    requireAll(address, bytes, true);
  }

  private void requireAll(long address, long bytes, boolean reads) {
    for (long done = 0; done < bytes; ) {
      byte[] state = states(address + done);
      int from = (int) (address + done) & (PAGE - 1);
      int count = (int) Math.min(bytes - done, PAGE - from);
      for (int i = from; i < from + count; i++) {
        if (state[i] == NOBODYS) {
          throw outOfBounds(address + done + i - from);
        }
        if (reads && state[i] == UNWRITTEN) {
          throw new EmulatorFault("never written: address 0x%x is read".formatted(address + done + i - from));
        }
      }
      done += count;
    }
  }

  /** Copies from the host. */
  void write(long address, MemorySegment host) {
    requireAll(address, host.byteSize(), false);
    for (long done = 0; done < host.byteSize(); ) {
      int from = (int) (address + done) & (PAGE - 1);
      int count = (int) Math.min(host.byteSize() - done, PAGE - from);
      MemorySegment.copy(host, ValueLayout.JAVA_BYTE, done, data[page(address + done)], from, count);
      done += count;
    }
    mark(address, host.byteSize(), WRITTEN);
  }

  /** Copies to the host; bytes that were never written are a fault where {@code written} says so. */
  void read(long address, MemorySegment host, boolean written) {
    requireAll(address, host.byteSize(), written);
    for (long done = 0; done < host.byteSize(); ) {
      int from = (int) (address + done) & (PAGE - 1);
      int count = (int) Math.min(host.byteSize() - done, PAGE - from);
      MemorySegment.copy(data[page(address + done)], from, host, ValueLayout.JAVA_BYTE, done, count);
      done += count;
    }
  }
}
