package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The most memory this process ever held. */
final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private PeakMemory() {}

  /** Peak resident set on Linux for the CPU, otherwise what the device's arenas reserved at most. */
  static long bytes(Device device) {
    if (device.name().equals("cpu") && Files.isReadable(STATUS)) {
      try {
        for (String line : Files.readAllLines(STATUS)) {
          if (line.startsWith("VmHWM:")) {
            return Long.parseLong(line.replaceAll("\\D", "")) << 10;
          }
        }
      } catch (IOException e) {
        return device.peakReservedBytes();
      }
    }
    return device.peakReservedBytes();
  }
}
