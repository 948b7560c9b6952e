package dev.cocktail.transformer.testing;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
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
    if (this == REFERENCE) {
      return new ReferenceDevice();
    }
    Device device = new CpuDevice(2);
    try (TensorArena arena = device.openArena("probe")) {
      device.ops().embedding(arena.allocate(DType.F32, 1, 1), Tensor.ofFloats(Shape.of(1, 1), 0), Tensor.ofInts(0));
    } catch (UnsupportedOperationException e) {
      device.close();
      abort("the processor's operations are not complete");
    }
    return device;
  }

  /** The bound on a relative difference: this device's own where it rounds to F32, else nearly nothing. */
  public double tolerance(double single) {
    return this == REFERENCE ? Golden.EXACT : single;
  }
}
