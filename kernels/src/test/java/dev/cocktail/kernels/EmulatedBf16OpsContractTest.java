package dev.cocktail.kernels;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The CUDA device with activations of BF16, on the emulator. */
class EmulatedBf16OpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return EmulatedGpu.open(DType.BF16);
  }
}
