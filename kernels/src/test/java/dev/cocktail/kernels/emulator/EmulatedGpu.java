package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.tensor.DType;

/** CUDA devices on an emulated GPU of compute capability 8.0 with few multiprocessors. */
public final class EmulatedGpu {
  private static final long MEMORY = 4L << 30;

  private EmulatedGpu() {}

  /** A device of 4 GiB. */
  public static CudaDevice open(DType activation) {
    return open(activation, MEMORY);
  }

  /** A device with so many bytes of memory. */
  public static CudaDevice open(DType activation, long memoryBytes) {
    var driver = new EmulatedDriver(memoryBytes);
    return new CudaDevice(driver, new EmulatedBlas(driver), activation);
  }
}
