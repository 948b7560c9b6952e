package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.Device;

/** The suite must accept the judge. */
class ReferenceOpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return new ReferenceDevice();
  }
}
