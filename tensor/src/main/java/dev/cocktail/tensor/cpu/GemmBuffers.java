package dev.cocktail.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What a thread needs to multiply matrices, kept from one product to the next so that none allocates. */
final class GemmBuffers {
  private static final ThreadLocal<GemmBuffers> BUFFERS = ThreadLocal.withInitial(GemmBuffers::new);
  private static final int ALIGNMENT = 4096;

  /** As many rows as are packed at once at the largest depth of a panel, and four rows of {@link DotProducts}. */
  static final int STAGING = Gemm.DEPTH * Math.max(8, Lanes.COUNT);

  /** A tile on its way from registers to C. */
  final float[] tile = new float[MicroKernel.ROWS * MicroKernel.COLUMNS];

  /** Partial sums of {@link DotProducts}, four vectors a row. */
  final float[] sums = new float[DotProducts.MOST_ROWS * 4 * Lanes.COUNT];

  private final MemorySegment small = allocate(STAGING + (long) Interleaving.SCRATCH);
  private float[] a = new float[0];
  private MemorySegment b = MemorySegment.NULL;

  private GemmBuffers() {}

  /** The calling thread's own. */
  static GemmBuffers ofThread() {
    return BUFFERS.get();
  }

  /** Room for packed A. */
  float[] a(int floats) {
    if (a.length < floats) {
      a = new float[floats];
    }
    return a;
  }

  /** Address of room for packed B. */
  long b(long floats) {
    if (b.byteSize() < 4 * floats) {
      b = allocate(floats);
    }
    return b.address();
  }

  /** Address of room for {@link #STAGING} floats between widening and packing. */
  long staging() {
    return small.address();
  }

  /** Address of the scratch memory of {@link Interleaving}. */
  long scratch() {
    return small.address() + 4L * STAGING;
  }

  /** The garbage collector frees it when the thread is gone. */
  private static MemorySegment allocate(long floats) {
    return Arena.ofAuto().allocate(4 * floats, ALIGNMENT);
  }
}
