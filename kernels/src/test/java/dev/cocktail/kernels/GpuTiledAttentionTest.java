package dev.cocktail.kernels;

import dev.cocktail.kernels.testing.RealGpu;
import dev.cocktail.kernels.testing.RequiresGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.TiledAttentionContractTest;

/** Attention on tensor cores around its tiles, and the plain kernels beside it, on a GPU where there is one. */
@RequiresGpu
class GpuTiledAttentionTest extends TiledAttentionContractTest {
  @Override
  protected Device open() {
    return RealGpu.open(DType.BF16);
  }
}
