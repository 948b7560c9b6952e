package dev.cocktail.kernels.emulator;

import java.util.Arrays;

/**
 * A block's shared memory, with what is needed to tell races. For each granule, the narrowest access of the kernel, it
 * remembers the last write and two reads: by which thread, at which time of that thread's warp. Two accesses by
 * different threads, one of them a write, race unless a barrier orders them; warps know by vector clocks which times of
 * other warps lie behind a barrier. Within a warp, only {@code bar.warp.sync} and the block's barriers order.
 */
final class SharedMemory {
  private static final byte WRITTEN = 1;

  /** A copy into the byte is under way: it may be neither read nor written. */
  private static final byte IN_FLIGHT = 2;

  private static final int TIME_SHIFT = 11;
  private static final int ATOMIC = 1 << 10;
  private static final int THREAD = ATOMIC - 1;

  private final byte[] data;
  private final byte[] state;
  private final int granuleShift;
  private final int[] writers;
  private final int[] lastReaders;
  private final int[] otherReaders;

  SharedMemory(int bytes, int granule) {
    data = new byte[bytes];
    state = new byte[bytes];
    granuleShift = Integer.numberOfTrailingZeros(granule);
    int granules = (bytes + granule - 1) >>> granuleShift;
    writers = new int[granules];
    lastReaders = new int[granules];
    otherReaders = new int[granules];
  }

  /** Forgets everything, for the next block. */
  void reset() {
    Arrays.fill(state, (byte) 0);
    Arrays.fill(writers, 0);
    Arrays.fill(lastReaders, 0);
    Arrays.fill(otherReaders, 0);
  }

  long load(Warp warp, int lane, long address, int bytes) {
    int offset = check(warp, lane, address, bytes, "reads");
    if (Bytes.get(state, offset, bytes) != Bytes.repeat(WRITTEN, bytes)) {
      throw unreadable(warp, lane, offset, bytes);
    }
    int thread = warp.firstThread + lane;
    int record = (warp.clock[warp.index] << TIME_SHIFT) | thread;
    for (int granule = offset >>> granuleShift; granule <= (offset + bytes - 1) >>> granuleShift; granule++) {
      int writer = writers[granule];
      // A plain read before a compare-and-swap loop meets the atomic writes of others.
      if (writer != 0 && (writer & ATOMIC) == 0 && !isOrdered(writer, warp, thread)) {
        throw race(warp, lane, "reads", offset, "was written", writer);
      }
      noteRead(granule, record, warp, thread);
    }
    return Bytes.get(data, offset, bytes);
  }

  private void noteRead(int granule, int record, Warp warp, int thread) {
    int last = lastReaders[granule];
    if (last != 0 && (last & THREAD) != thread) {
      int other = otherReaders[granule];
      boolean lastIsOfAnotherWarp = (last & THREAD) >>> 5 != warp.index;
      if (lastIsOfAnotherWarp || other == 0 || (other & THREAD) >>> 5 == warp.index || isOrdered(other, warp, thread)) {
        otherReaders[granule] = last;
      }
    }
    lastReaders[granule] = record;
  }

  void store(Warp warp, int lane, long address, int bytes, long value) {
    int offset = check(warp, lane, address, bytes, "writes");
    noteWrite(warp, lane, offset, bytes, value, 0);
    Bytes.put(data, offset, bytes, value);
    Bytes.put(state, offset, bytes, Bytes.repeat(WRITTEN, bytes));
  }

  /** What an atomic operation reads; {@link #storeAtomic} follows. */
  long loadAtomic(Warp warp, int lane, long address, int bytes) {
    int offset = check(warp, lane, address, bytes, "reads");
    if (Bytes.get(state, offset, bytes) != Bytes.repeat(WRITTEN, bytes)) {
      throw unreadable(warp, lane, offset, bytes);
    }
    return Bytes.get(data, offset, bytes);
  }

  void storeAtomic(Warp warp, int lane, long address, int bytes, long value) {
    int offset = check(warp, lane, address, bytes, "writes");
    noteWrite(warp, lane, offset, bytes, value, ATOMIC);
    Bytes.put(data, offset, bytes, value);
  }

  private void noteWrite(Warp warp, int lane, int offset, int bytes, long value, int atomic) {
    if ((Bytes.get(state, offset, bytes) & Bytes.repeat(IN_FLIGHT, bytes)) != 0) {
      throw warp.fault(lane, "writes shared memory at " + offset + " while an asynchronous copy into it is under way");
    }
    int thread = warp.firstThread + lane;
    int record = (warp.clock[warp.index] << TIME_SHIFT) | atomic | thread;
    for (int granule = offset >>> granuleShift; granule <= (offset + bytes - 1) >>> granuleShift; granule++) {
      int writer = writers[granule];
      if (writer != 0 && (writer & atomic) == 0 && !isOrdered(writer, warp, thread)) {
        boolean sameValue = Bytes.get(data, offset, bytes) == (bytes == 8 ? value : value & ((1L << (8 * bytes)) - 1));
        if (!sameValue || atomic != 0) {
          throw race(warp, lane, "writes", offset, "was written", writer);
        }
      }
      if (atomic == 0) {
        requireOrderedReader(warp, lane, offset, lastReaders[granule], thread);
        requireOrderedReader(warp, lane, offset, otherReaders[granule], thread);
      }
      writers[granule] = record;
    }
  }

  private void requireOrderedReader(Warp warp, int lane, int offset, int reader, int thread) {
    if (reader != 0 && !isOrdered(reader, warp, thread)) {
      throw race(warp, lane, "writes", offset, "was read", reader);
    }
  }

  /** Whether an access lies behind a barrier, as seen by a thread of the warp. */
  private static boolean isOrdered(int record, Warp warp, int thread) {
    int other = record & THREAD;
    if (other == thread) {
      return true;
    }
    int time = record >>> TIME_SHIFT;
    int otherWarp = other >>> 5;
    int known = warp.clock[otherWarp];
    return otherWarp == warp.index ? time < known : time <= known;
  }

  // Asynchronous copies

  /** A copy into the bytes begins. */
  void beginCopy(Warp warp, int lane, long address, int bytes) {
    int offset = check(warp, lane, address, bytes, "copies to");
    for (int at = offset; at < offset + bytes; at += 4) {
      noteWrite(warp, lane, at, 4, ~Bytes.get(data, at, 4), 0);
    }
    Arrays.fill(state, offset, offset + bytes, IN_FLIGHT);
  }

  /** The copy arrives. */
  void endCopy(Warp warp, int lane, long address, byte[] source) {
    int offset = (int) address;
    int bytes = source.length;
    System.arraycopy(source, 0, data, offset, bytes);
    Arrays.fill(state, offset, offset + bytes, WRITTEN);
    int record = (warp.clock[warp.index] << TIME_SHIFT) | (warp.firstThread + lane);
    Arrays.fill(writers, offset >>> granuleShift, ((offset + bytes - 1) >>> granuleShift) + 1, record);
  }

  // Faults

  private int check(Warp warp, int lane, long address, int bytes, String verb) {
    if (address < 0 || address + bytes > data.length) {
      throw warp.fault(
          lane,
          "%s %d bytes of shared memory at %d, out of bounds: the block has %d bytes"
              .formatted(verb, bytes, address, data.length));
    }
    return (int) address;
  }

  private EmulatorFault unreadable(Warp warp, int lane, int offset, int bytes) {
    for (int i = offset; i < offset + bytes; i++) {
      if ((state[i] & IN_FLIGHT) != 0) {
        return warp.fault(lane, "reads shared memory at " + i + " while an asynchronous copy into it is under way");
      }
      if (state[i] == 0) {
        return warp.fault(lane, "reads shared memory at " + i + " that was never written");
      }
    }
    throw new IllegalStateException("shared memory can be read at " + offset);
  }

  private static EmulatorFault race(Warp warp, int lane, String verb, int offset, String past, int record) {
    return warp.fault(
        lane,
        "race: %s shared memory at %d that %s by thread %d without a barrier between"
            .formatted(verb, offset, past, record & THREAD));
  }
}
