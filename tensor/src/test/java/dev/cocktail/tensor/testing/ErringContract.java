package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;

/** The suite on a device that errs; not a test by itself, {@link ContractSensitivityTest} runs it. */
final class ErringContract extends OpsContractTest {
  private final DType activation;
  private final double relativeError;

  ErringContract(DType activation, double relativeError) {
    this.activation = activation;
    this.relativeError = relativeError;
  }

  @Override
  protected Device open() {
    return new RoundingDevice(activation, relativeError);
  }
}
