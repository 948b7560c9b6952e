package dev.cocktail.kernels;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.TiledAttentionContractTest;

/** Attention on tensor cores around its tiles, and the plain kernels beside it, on the emulator. */
class EmulatedTiledAttentionTest extends TiledAttentionContractTest {
  @Override
  protected Device open() {
    return EmulatedGpu.open(DType.BF16);
  }
}
