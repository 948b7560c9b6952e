package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.Tensor;

/**
 * Shapes of launches whose time is that of moving memory: about as many threads as the GPU holds at once, each striding
 * over the work.
 */
final class Grids {
  /** Of a block. */
  static final int THREADS = 256;

  /** Blocks that a multiprocessor holds at once: 2,048 threads, as long as a thread needs at most 32 registers. */
  private static final int BLOCKS_EACH = 8;

  private static final int MOST_Y = 65_535;
  private static final int ACCESS_BYTES = 16;
  private static final int WIDEST_SHIFT = 8;
  private static final int NARROWEST_SHIFT = 4;

  /**
   * A grid over rows: blocks of {@code 2^shift} columns by {@code THREADS / 2^shift} rows, one beside the other over
   * all columns, striding over the rows.
   */
  record Rows(Launch launch, int shift) {}

  private Grids() {}

  /** Threads for {@code items} that are independent of each other; at least one block. */
  static Launch striding(GpuInfo gpu, long items) {
    long most = (long) gpu.multiprocessors() * BLOCKS_EACH;
    return Launch.of(Math.clamp(ceilDiv(items, THREADS), 1, most), THREADS);
  }

  /** Threads for rows of {@code columns} items (packs of elements, where they move as packs), both at least 1. */
  static Rows rows(GpuInfo gpu, long rows, long columns) {
    int shift = shift(columns);
    long wide = ceilDiv(columns, 1L << shift);
    long most = Math.max(1, (long) gpu.multiprocessors() * BLOCKS_EACH / wide);
    long high = Math.clamp(ceilDiv(rows, THREADS >> shift), 1, Math.min(most, MOST_Y));
    return new Rows(new Launch(Math.toIntExact(wide), (int) high, 1, THREADS, 0), shift);
  }

  /**
   * The width of blocks, as the exponent of 2: the widest that leaves at most an eighth of the threads without a
   * column, else the one that leaves the fewest; no less than a run of 16 columns where there are as many.
   */
  static int shift(long columns) {
    int best = 0;
    long fewest = Long.MAX_VALUE;
    for (int shift = WIDEST_SHIFT; shift >= NARROWEST_SHIFT || shift >= 0 && columns < 1L << (shift + 1); shift--) {
      long covered = ceilDiv(columns, 1L << shift) << shift;
      if (8 * (covered - columns) <= covered) {
        return shift;
      }
      if (covered < fewest) {
        fewest = covered;
        best = shift;
      }
    }
    return best;
  }

  /** Whether all first elements lie at multiples of 16 bytes, so that accesses may be as wide; null counts as none. */
  static boolean aligned(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null && tensor.address() % ACCESS_BYTES != 0) {
        return false;
      }
    }
    return true;
  }

  /** Elements that a thread moves at once where addresses allow it: 16 bytes of the narrower type. */
  static int packOf(int narrowestBytes) {
    return ACCESS_BYTES / narrowestBytes;
  }

  static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }
}
