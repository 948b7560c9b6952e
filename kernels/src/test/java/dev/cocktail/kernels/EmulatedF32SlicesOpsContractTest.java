package dev.cocktail.kernels;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The CUDA device with activations of F32, on the emulator, with tensors that no wide access suits. */
class EmulatedF32SlicesOpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return EmulatedGpu.open(DType.F32);
  }

  @Override
  protected int offset() {
    return 1;
  }
}
