package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;

/** The cases must accept the best device there can be whose activations are 16 bits wide. */
class Bf16TiledAttentionContractTest extends TiledAttentionContractTest {
  @Override
  protected Device open() {
    return new RoundingDevice(DType.BF16, 0);
  }
}
