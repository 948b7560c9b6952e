package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;

/** The processor's operations on tensors that begin anywhere, as rows of other tensors may. */
class CpuSlicesContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return new CpuDevice(2);
  }

  @Override
  protected int offset() {
    return 1;
  }
}
