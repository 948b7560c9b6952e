package dev.cocktail.kernels.emulator;

import java.util.Arrays;

/**
 * A block's shared memory, with what is needed to see races: for every two bytes, who wrote last and who read last in
 * which interval between barriers. Two threads that touch the same bytes in one interval, one of them writing something
 * else than what is there, race; threads of one warp do not where a warp's barrier lies between.
 */
final class SharedMemory {
  private static final int UNWRITTEN = 0;
  private static final int WRITTEN = 1;
  private static final int UNDER_WAY = 2;

  private final byte[] data;
  private final byte[] states;
  private final int[] writer;
  private final int[] writerInterval;
  private final int[] reader;
  private final int[] otherReader;
  private final int[] readerInterval;
  private int interval = 1;

  SharedMemory(int bytes) {
    int rounded = (bytes + 15) & -16;
    data = new byte[rounded];
    states = new byte[rounded];
    int granules = rounded / 2;
    writer = new int[granules];
    writerInterval = new int[granules];
    reader = new int[granules];
    otherReader = new int[granules];
    readerInterval = new int[granules];
  }

  /** As good as new, for the next block. */
  void reset() {
    Arrays.fill(states, (byte) UNWRITTEN);
    Arrays.fill(writerInterval, 0);
    Arrays.fill(readerInterval, 0);
    interval = 1;
  }

  /** All threads of the block met. */
  void barrier() {
    interval++;
  }

  private int index(long address, int bytes) {
    if (address < 0 || address + bytes > data.length) {
      throw new EmulatorFault(
          "out of bounds: shared address %d of %d bytes, the block has %d".formatted(address, bytes, data.length));
    }
    if ((address & (bytes - 1)) != 0) {
      throw new EmulatorFault("misaligned: shared address %d for %d bytes".formatted(address, bytes));
    }
    return (int) address;
  }

  /**
   * Reads.
   *
   * @param thread number in the block; its upper bits name the warp
   */
  long load(long address, int bytes, Warp warp, int lane) {
    int at = index(address, bytes);
    int thread = warp.firstThread() + lane;
    for (int i = at; i < at + bytes; i++) {
      if (states[i] != WRITTEN) {
        throw new EmulatorFault(
            states[i] == UNDER_WAY
                ? "under way: shared address %d is read before its asynchronous copy was waited for".formatted(i)
                : "never written: shared address %d is read".formatted(i));
      }
    }
    for (int granule = at / 2; granule <= (at + bytes - 1) / 2; granule++) {
      if (writerInterval[granule] == interval && isOther(writer[granule], warp, thread)) {
        throw new EmulatorFault(
            "race: shared address %d is read by thread %d and written by thread %d without a barrier between"
                .formatted(2 * granule, thread, threadOf(writer[granule])));
      }
      noteReader(granule, stamp(warp, thread));
    }
    return switch (bytes) {
      case 1 -> data[at];
      case 2 -> (short) GlobalMemory.SHORT.get(data, at) & 0xFFFF;
      case 4 -> (int) GlobalMemory.INT.get(data, at);
      default -> (long) GlobalMemory.LONG.get(data, at);
    };
  }

  void store(long address, int bytes, long value, Warp warp, int lane) {
    int at = index(address, bytes);
    boolean changes = !isThere(at, bytes, value);
    claim(at, bytes, warp, lane, changes);
    switch (bytes) {
      case 1 -> data[at] = (byte) value;
      case 2 -> GlobalMemory.SHORT.set(data, at, (short) value);
      case 4 -> GlobalMemory.INT.set(data, at, (int) value);
      default -> GlobalMemory.LONG.set(data, at, value);
    }
    Arrays.fill(states, at, at + bytes, (byte) WRITTEN);
  }

  private boolean isThere(int at, int bytes, long value) {
    for (int i = 0; i < bytes; i++) {
      if (states[at + i] != WRITTEN || data[at + i] != (byte) (value >>> (8 * i))) {
        return false;
      }
    }
    return true;
  }

  /** Notes a write, or finds whom it races with. */
  private void claim(int at, int bytes, Warp warp, int lane, boolean changes) {
    int thread = warp.firstThread() + lane;
    int stamp = stamp(warp, thread);
    for (int granule = at / 2; granule <= (at + bytes - 1) / 2; granule++) {
      if (changes) {
        if (writerInterval[granule] == interval && isOther(writer[granule], warp, thread)) {
          throw race(granule, thread, writer[granule], "written");
        }
        if (readerInterval[granule] == interval) {
          if (isOther(reader[granule], warp, thread)) {
            throw race(granule, thread, reader[granule], "read");
          }
          if (isOther(otherReader[granule], warp, thread)) {
            throw race(granule, thread, otherReader[granule], "read");
          }
        }
      }
      writer[granule] = stamp;
      writerInterval[granule] = interval;
    }
  }

  private static EmulatorFault race(int granule, int thread, int other, String what) {
    return new EmulatorFault(
        "race: shared address %d is written by thread %d and %s by thread %d without a barrier between"
            .formatted(2 * granule, thread, what, threadOf(other)));
  }

  private void noteReader(int granule, int stamp) {
    if (readerInterval[granule] != interval) {
      readerInterval[granule] = interval;
      reader[granule] = stamp;
      otherReader[granule] = stamp;
    } else if (reader[granule] != stamp) {
      otherReader[granule] = stamp;
    }
  }

  /** A thread, and how many barriers its warp has passed. */
  private static int stamp(Warp warp, int thread) {
    return warp.interval() << 10 | thread;
  }

  private static int threadOf(int stamp) {
    return stamp & 1023;
  }

  private static boolean isOther(int stamp, Warp warp, int thread) {
    int other = threadOf(stamp);
    if (other == thread) {
      return false;
    }
    boolean sameWarp = other / 32 == thread / 32;
    return !sameWarp || stamp >>> 10 == (warp.interval() & 0x3FFFFF);
  }

  /** An asynchronous copy to here has begun. */
  void beginCopy(long address, int bytes, Warp warp, int lane) {
    int at = index(address, bytes);
    claim(at, bytes, warp, lane, true);
    Arrays.fill(states, at, at + bytes, (byte) UNDER_WAY);
  }

  /** It has ended; the thread that waited for it is the one that wrote. */
  void endCopy(long address, byte[] bytes, Warp warp, int lane) {
    int at = index(address, bytes.length);
    System.arraycopy(bytes, 0, data, at, bytes.length);
    Arrays.fill(states, at, at + bytes.length, (byte) WRITTEN);
    int stamp = stamp(warp, warp.firstThread() + lane);
    for (int granule = at / 2; granule <= (at + bytes.length - 1) / 2; granule++) {
      writer[granule] = stamp;
      writerInterval[granule] = interval;
    }
  }
}
