package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.CudaDevice;
import dev.cocktail.tensor.DType;

/** Opens CUDA devices where there is no GPU. */
public final class EmulatedGpu {
  private static final long MEMORY = 4L << 30;

  private EmulatedGpu() {}

  /** A device with activations of the given type, BF16 or F32. */
  public static CudaDevice open(DType activation) {
    return open(activation, MEMORY);
  }

  /** A device with so much memory. */
  public static CudaDevice open(DType activation, long bytes) {
    var driver = new EmulatedDriver(bytes);
    return new CudaDevice(driver, new EmulatedBlas(driver), activation);
  }
}
