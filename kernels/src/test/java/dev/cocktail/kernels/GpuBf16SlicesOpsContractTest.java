package dev.cocktail.kernels;

import dev.cocktail.kernels.testing.RealGpu;
import dev.cocktail.kernels.testing.RequiresGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The CUDA device with activations of BF16, on a GPU where there is one, with tensors that no wide access suits. */
@RequiresGpu
class GpuBf16SlicesOpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return RealGpu.open(DType.BF16);
  }

  @Override
  protected int offset() {
    return 1;
  }
}
