package dev.cocktail.kernels.emulator;

import java.util.Arrays;

/** Memory of each thread of a warp for itself. */
final class LocalMemory {
  private final int bytesPerLane;
  private final byte[] data;
  private final byte[] written;

  LocalMemory(int bytesPerLane) {
    this.bytesPerLane = bytesPerLane;
    data = new byte[32 * bytesPerLane];
    written = new byte[32 * bytesPerLane];
  }

  void reset() {
    Arrays.fill(written, (byte) 0);
  }

  long load(Warp warp, int lane, long address, int bytes) {
    int offset = check(warp, lane, address, bytes, "reads");
    if (Bytes.get(written, offset, bytes) != Bytes.repeat(1, bytes)) {
      throw warp.fault(lane, "reads local memory at " + address + " that was never written");
    }
    return Bytes.get(data, offset, bytes);
  }

  void store(Warp warp, int lane, long address, int bytes, long value) {
    int offset = check(warp, lane, address, bytes, "writes");
    Bytes.put(data, offset, bytes, value);
    Bytes.put(written, offset, bytes, Bytes.repeat(1, bytes));
  }

  private int check(Warp warp, int lane, long address, int bytes, String verb) {
    if (address < 0 || address + bytes > bytesPerLane) {
      throw warp.fault(
          lane,
          "%s %d bytes of local memory at %d, out of bounds: a thread has %d bytes"
              .formatted(verb, bytes, address, bytesPerLane));
    }
    return lane * bytesPerLane + (int) address;
  }
}
