package dev.cocktail.bench;

import dev.cocktail.tensor.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The memory that this process holds, and the most it ever held. */
final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");

  private PeakMemory() {}

  /** Peak resident set on Linux for the CPU, otherwise what the device's arenas reserved at most. */
  static long bytes(Device device) {
    long peak = device.name().equals("cpu") ? status("VmHWM:") : 0;
    return peak > 0 ? peak : device.peakReservedBytes();
  }

  /** The resident set now; 0 where the system does not tell. */
  static long residentBytes() {
    return status("VmRSS:");
  }

  private static long status(String key) {
    if (!Files.isReadable(STATUS)) {
      return 0;
    }
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(key)) {
          return Long.parseLong(line.replaceAll("\\D", "")) << 10;
        }
      }
    } catch (IOException e) {
      return 0;
    }
    return 0;
  }
}
