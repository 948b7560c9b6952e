package dev.cocktail.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What a thread needs to multiply matrices, kept from one product to the next so that none allocates. */
final class GemmBuffers {
  private static final ThreadLocal<GemmBuffers> BUFFERS = ThreadLocal.withInitial(GemmBuffers::new);
  private static final int ALIGNMENT = 4096;

  /** A tile on its way from registers to C. */
  final float[] tile = new float[MicroKernel.ROWS * MicroKernel.COLUMNS];

  private float[] a = new float[0];
  private MemorySegment b = MemorySegment.NULL;
  private MemorySegment staging = MemorySegment.NULL;

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

  /** Address of room for elements between widening and packing. */
  long staging(long floats) {
    if (staging.byteSize() < 4 * floats) {
      staging = allocate(floats);
    }
    return staging.address();
  }

  /** The garbage collector frees it when the thread is gone. */
  private static MemorySegment allocate(long floats) {
    return Arena.ofAuto().allocate(4 * floats, ALIGNMENT);
  }
}
