package dev.cocktail.kernels.driver;

import jcuda.driver.CUstream;

/** A stream of the driver, whose handle other libraries can be given. */
public final class NativeStream extends CUstream implements GpuDriver.Stream {
  /** The context's default stream, until the driver puts another here. */
  public NativeStream() {}

  /** The {@code CUstream}. */
  public long handle() {
    return getNativePointer();
  }
}
