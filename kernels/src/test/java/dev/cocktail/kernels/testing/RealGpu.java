package dev.cocktail.kernels.testing;

import dev.cocktail.kernels.CudaDeviceProvider;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Precision;

/** The GPU of this machine, for tests that {@link RequiresGpu}. */
public final class RealGpu {
  private RealGpu() {}

  /** Opens the first GPU with activations of F32 or BF16. */
  public static Device open(DType activation) {
    return new CudaDeviceProvider().open(0, Precision.valueOf(activation.name()));
  }
}
