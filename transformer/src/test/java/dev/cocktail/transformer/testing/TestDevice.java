package dev.cocktail.transformer.testing;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.testing.ReferenceDevice;

/** The devices that whole models are tested on. */
public enum TestDevice {
  /** Naive and in double precision: what is wrong here is the model's fault. */
  REFERENCE,
  /** The processor, with two threads. */
  CPU;

  /** Opens the device; its user closes it. */
  public Device open() {
    return this == REFERENCE ? new ReferenceDevice() : new CpuDevice(2);
  }

  /** The bound on a relative difference: this device's own where it rounds to F32, else nearly nothing. */
  public double tolerance(double single) {
    return this == REFERENCE ? Golden.EXACT : single;
  }
}
