package dev.cocktail.kernels;

import dev.cocktail.kernels.testing.RealGpu;
import dev.cocktail.kernels.testing.RequiresGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The CUDA device with activations of F32, on a GPU where there is one. */
@RequiresGpu
class GpuF32OpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return RealGpu.open(DType.F32);
  }
}
