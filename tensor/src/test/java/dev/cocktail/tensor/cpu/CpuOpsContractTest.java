package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.testing.OpsContractTest;
import java.util.List;

/** The processor's operations, on two threads; one and three must give the same bits. */
class CpuOpsContractTest extends OpsContractTest {
  @Override
  protected Device open() {
    return new CpuDevice(2);
  }

  @Override
  protected List<Device> openTwins() {
    return List.of(new CpuDevice(1), new CpuDevice(3));
  }
}
