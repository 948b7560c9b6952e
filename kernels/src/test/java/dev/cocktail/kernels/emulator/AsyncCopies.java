package dev.cocktail.kernels.emulator;

import java.util.ArrayList;
import java.util.List;

/**
 * Copies from global to shared memory that a warp's threads began and did not wait for yet. Each is done as late as the
 * wait for it allows, so that a kernel that does not wait meets memory in flight. What a GPU would copy is not known
 * when somebody writes the source meanwhile.
 */
final class AsyncCopies {
  /** The bytes are those that the source had when the copy began, zeros behind them. */
  private record Copy(int lane, int group, long target, long source, int count, byte[] bytes) {}

  private final List<Copy> pending = new ArrayList<>();
  private final int[] committed = new int[32];

  void reset() {
    pending.clear();
    java.util.Arrays.fill(committed, 0);
  }

  /** Begins a copy of {@code count} bytes, filled up with zeros to {@code bytes}. */
  void begin(Warp warp, int lane, long target, long source, int count, int bytes) {
    warp.requireAligned(lane, target, bytes);
    warp.requireAligned(lane, source, bytes);
    warp.block.shared.beginCopy(warp, lane, target, bytes);
    byte[] copied = new byte[bytes];
    for (int i = 0; i < count; i++) {
      copied[i] = (byte) warp.block.global.load(warp, lane, source + i, 1);
    }
    pending.add(new Copy(lane, committed[lane], target, source, count, copied));
  }

  /** Ends the threads' groups of copies. */
  void commit(int lanes) {
    for (int lane = 0; lane < 32; lane++) {
      committed[lane] += lanes >>> lane & 1;
    }
  }

  /** Does all copies of the threads but those of the {@code groups} youngest groups. */
  void await(Warp warp, int lanes, int groups) {
    finish(warp, lanes, groups, false);
  }

  void awaitAll(Warp warp, int lanes) {
    finish(warp, lanes, 0, true);
  }

  private void finish(Warp warp, int lanes, int groups, boolean all) {
    if (pending.isEmpty()) {
      return;
    }
    int kept = 0;
    for (int i = 0; i < pending.size(); i++) {
      Copy copy = pending.get(i);
      boolean due = all || copy.group < committed[copy.lane] - groups;
      if ((lanes >>> copy.lane & 1) == 0 || !due) {
        pending.set(kept++, copy);
        continue;
      }
      for (int j = 0; j < copy.count; j++) {
        if (warp.block.global.load(warp, copy.lane, copy.source + j, 1) != (copy.bytes[j] & 0xFF)) {
          throw warp.fault(
              copy.lane,
              "global memory at 0x%x was overwritten while an asynchronous copy of it was under way"
                  .formatted(copy.source + j));
        }
      }
      warp.block.shared.endCopy(warp, copy.lane, copy.target, copy.bytes);
    }
    pending.subList(kept, pending.size()).clear();
  }
}
