package dev.cocktail.kernels;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.TiledAttentionContractTest;

/** Attention in F32, by plain kernels for every head dimension, on the emulator. */
class EmulatedF32TiledAttentionTest extends TiledAttentionContractTest {
  @Override
  protected Device open() {
    return EmulatedGpu.open(DType.F32);
  }
}
