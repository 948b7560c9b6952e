package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.DeviceProvider;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import java.util.List;

/** Offers the processor; always there, and never preferred to an accelerator. */
public final class CpuDeviceProvider implements DeviceProvider {
  @Override
  public String kind() {
    return "cpu";
  }

  @Override
  public int priority() {
    return 0;
  }

  @Override
  public List<String> available() {
    return List.of(
        "cpu: "
            + Runtime.getRuntime().availableProcessors()
            + " processors ("
            + System.getProperty("os.arch")
            + "), "
            + Lanes.FLOATS.vectorBitSize()
            + "-bit vectors");
  }

  @Override
  public String unavailableReason() {
    boolean present = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return present ? "" : "the JVM was started without --add-modules jdk.incubator.vector";
  }

  @Override
  public Device open(int ordinal, Precision precision) {
    if (ordinal != 0) {
      throw new InvalidInputException("there is one cpu device, cpu:0; cpu:" + ordinal + " does not exist");
    }
    if (precision == Precision.BF16) {
      throw new InvalidInputException(
          "precision bf16 is for GPUs; the cpu computes in f32: leave precision out, or give f32 or auto");
    }
    return new CpuDevice();
  }
}
