package dev.cocktail.kernels;

import dev.cocktail.kernels.testing.RealGpu;
import dev.cocktail.kernels.testing.RequiresGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The CUDA device with activations of BF16, on a GPU where there is one. */
@RequiresGpu
class GpuBf16OpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return RealGpu.open(DType.BF16);
  }
}
