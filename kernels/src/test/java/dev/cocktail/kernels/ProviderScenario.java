package dev.cocktail.kernels;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.DeviceProvider;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Precision;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** What {@link CudaDeviceProviderTest} runs in JVMs of their own: tells what users would be told. */
final class ProviderScenario {
  private ProviderScenario() {}

  public static void main(String[] arguments) throws Exception {
    DeviceProvider provider =
        Devices.providers().stream().filter(one -> one.kind().equals("cuda")).findFirst().orElseThrow();
    provider.available().forEach(line -> System.out.println("available: " + line));
    System.out.println("reason: " + provider.unavailableReason());
    provider.details().forEach(line -> System.out.println("detail: " + line));
    Precision precision = Precision.valueOf(arguments[1].toUpperCase(Locale.ROOT));
    try (Device device = Devices.open(arguments[0], precision, line -> System.out.println("told: " + line))) {
      System.out.println("opened " + device.name() + " for " + device.activationType() + ": " + device.description());
      if (device.name().startsWith("cuda")) {
        copyThereAndBack(device);
      }
    } catch (InvalidInputException e) {
      System.out.println("refused: " + e.getMessage());
    }
    System.out.println("natives of JCuda: " + nativesOfJCuda());
  }

  private static void copyThereAndBack(Device device) {
    try (TensorArena arena = device.openArena("test")) {
      Tensor numbers = Tensor.ofFloats(Shape.of(2, 2), 1, 2, 3, 4);
      Tensor there = device.adopt(arena, numbers);
      Tensor back = Tensor.zerosOnHost(DType.F32, Shape.of(2, 2));
      device.copyToHost(back, there);
      System.out.println("copied: " + back.segment().mismatch(numbers.segment()));
    }
  }

  /** How many of JCuda's libraries this process has mapped. */
  private static long nativesOfJCuda() throws Exception {
    Path maps = Path.of("/proc/" + ManagementFactory.getRuntimeMXBean().getPid() + "/maps");
    return Files.readAllLines(maps).stream()
        .filter(line -> line.contains("libJCu"))
        .map(line -> line.substring(line.indexOf("libJCu")))
        .distinct()
        .count();
  }
}
