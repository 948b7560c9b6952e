package dev.cocktail.trainer;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;

/** Whole models on the emulated GPU: the very code and kernels that a GPU runs. */
class EmulatedCudaTrainingTest extends CudaTrainingContract {
  @Override
  Device open(DType activation) {
    return EmulatedGpu.open(activation);
  }
}
