package dev.cocktail.kernels.driver;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;

/** An address of the host as JCuda takes it. */
public final class HostPointer extends Pointer {
  /** Where JCuda stores an address. */
  HostPointer() {}

  /** The start of a native segment, which must live as long as the pointer is used. */
  public HostPointer(MemorySegment segment) {
    super(segment.address());
  }

  long address() {
    return getNativePointer();
  }
}
