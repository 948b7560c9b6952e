package dev.cocktail.trainer;

import dev.cocktail.kernels.testing.RealGpu;
import dev.cocktail.kernels.testing.RequiresGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;

/** Whole models on a GPU where there is one. */
@RequiresGpu
class GpuTrainingTest extends CudaTrainingContract {
  @Override
  Device open(DType activation) {
    return RealGpu.open(activation);
  }
}
