package dev.cocktail.kernels.driver;

import jcuda.driver.CUdeviceptr;

/** An address of the GPU as JCuda takes it. */
public final class GpuPointer extends CUdeviceptr {
  private static final CUdeviceptr NULL = new CUdeviceptr();

  /** Where JCuda stores an address. */
  GpuPointer() {}

  public GpuPointer(long address) {
    super(NULL, address);
  }

  long address() {
    return getNativePointer() + getByteOffset();
  }
}
