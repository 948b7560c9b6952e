package dev.cocktail.kernels.driver;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The GPUs that this machine's driver shows. Looking costs next to nothing where there is no driver: JCuda is not
 * touched.
 *
 * @param driver the driver in words, empty when there is none
 * @param cudaMajor the major version of CUDA that the driver is for, 0 when there is none
 * @param gpus all of them, also those that are too old
 * @param reason why none can be used and what to do, empty when one can
 */
public record GpuSurvey(String driver, int cudaMajor, List<GpuInfo> gpus, String reason) {
  /** The oldest CUDA version whose drivers take the kernels' code, PTX 8.0. */
  private static final int OLDEST_CUDA = 12_000;

  /** The compute capability that the kernels are compiled for: the first with BF16 tensor cores. */
  private static final int LOWEST_CAPABILITY = 80;

  private static final Path VERSION_FILE = Path.of("/proc/driver/nvidia/version");
  private static final Pattern VERSION = Pattern.compile("\\b\\d{3}\\.\\d+(\\.\\d+)?\\b");
  private static final int NO_DEVICE = 100;

  public GpuSurvey {
    gpus = List.copyOf(gpus);
  }

  /** Asks the driver; never throws. */
  public static GpuSurvey look() {
    DriverLibrary library;
    try {
      library = DriverLibrary.open();
    } catch (NativeLibrary.UnavailableException e) {
      return none(
          "no NVIDIA driver: %s; on a machine with an NVIDIA GPU install its driver (in a container, start it with the GPU)"
              .formatted(e.getMessage()));
    }
    try {
      return ask(library);
    } catch (GpuException e) {
      return none("the NVIDIA driver does not answer: " + e.getMessage());
    }
  }

  private static GpuSurvey ask(DriverLibrary library) {
    int version = library.driverVersion();
    String driver = describeDriver(version);
    if (version < OLDEST_CUDA) {
      return new GpuSurvey(
          driver,
          version / 1000,
          List.of(),
          "%s is too old for the kernels, which need CUDA 12.0; install driver 525 or newer".formatted(driver));
    }
    int code = library.initialize();
    int count = code == DriverLibrary.SUCCESS ? library.deviceCount() : -code;
    if (count == 0 || count == -NO_DEVICE) {
      String hidden = System.getenv("CUDA_VISIBLE_DEVICES");
      return new GpuSurvey(
          driver,
          version / 1000,
          List.of(),
          "there is an NVIDIA driver but no GPU"
              + (hidden == null ? "" : "; CUDA_VISIBLE_DEVICES is '" + hidden + "', which may hide it"));
    }
    if (count < 0) {
      return new GpuSurvey(
          driver,
          version / 1000,
          List.of(),
          "%s does not start: %s; if it was just installed or updated, restart the machine (nvidia-smi tells more)"
              .formatted(driver, library.describe(-count)));
    }
    List<GpuInfo> gpus = new ArrayList<>();
    for (int ordinal = 0; ordinal < count; ordinal++) {
      gpus.add(library.info(ordinal, version));
    }
    String reason = "";
    if (gpus.stream().noneMatch(GpuSurvey::isCapable)) {
      reason = tooOld(gpus.getFirst());
    }
    return new GpuSurvey(driver, version / 1000, gpus, reason);
  }

  /** Whether the kernels run on the GPU. */
  public static boolean isCapable(GpuInfo gpu) {
    return gpu.capability() >= LOWEST_CAPABILITY;
  }

  /** Why a GPU cannot be used that the kernels do not run on. */
  public static String tooOld(GpuInfo gpu) {
    return "%s has compute capability %d.%d, and 8.0 (Ampere, 2020) or newer is needed"
        .formatted(gpu.name(), gpu.capabilityMajor(), gpu.capabilityMinor());
  }

  private static GpuSurvey none(String reason) {
    return new GpuSurvey("", 0, List.of(), reason);
  }

  private static String describeDriver(int version) {
    return "NVIDIA driver%s for CUDA %d.%d".formatted(kernelVersion(), version / 1000, version % 1000 / 10);
  }

  private static String kernelVersion() {
    try {
      if (Files.isReadable(VERSION_FILE)) {
        Matcher matcher = VERSION.matcher(Files.readString(VERSION_FILE));
        return matcher.find() ? " " + matcher.group() : "";
      }
    } catch (IOException e) {
      return ""; // Only a nicety: the version of CUDA is what counts.
    }
    return "";
  }
}
