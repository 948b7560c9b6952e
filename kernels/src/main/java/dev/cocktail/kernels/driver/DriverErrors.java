package dev.cocktail.kernels.driver;

import java.util.Set;

/** Turns the driver's codes into exceptions that say what failed and what to do. */
final class DriverErrors {
  static final int SUCCESS = 0;
  private static final int OUT_OF_MEMORY = 2;
  private static final int DEINITIALIZED = 4;
  private static final int DEVICE_UNAVAILABLE = 46;
  private static final int NO_DEVICE = 100;
  private static final int INVALID_DEVICE = 101;

  /**
   * Codes that mean that a kernel faulted or the GPU is gone: bad addresses, timeouts, memory faults of the hardware.
   * After them the context answers every call with the same code.
   */
  private static final Set<Integer> FATAL =
      Set.of(214, 220, 226, 227, 700, 702, 710, 714, 715, 716, 717, 718, 719, 999);

  private DriverErrors() {}

  /** Whether the code tells of earlier work, not of the call that returned it. */
  static boolean isOfEarlierWork(int code) {
    return FATAL.contains(code);
  }

  /** The driver's name and words for a code. */
  static String describe(int code) {
    String[] name = {""};
    String[] text = {""};
    jcuda.driver.JCudaDriver.cuGetErrorName(code, name);
    jcuda.driver.JCudaDriver.cuGetErrorString(code, text);
    return name[0] == null || name[0].isEmpty() ? "error " + code : name[0] + " (" + text[0] + ")";
  }

  /** Why a GPU could not be opened, and the way out. */
  static String ofOpening(int ordinal, int code) {
    String gpu = "cuda:" + ordinal;
    String way =
        switch (code) {
          case OUT_OF_MEMORY ->
              "its memory is full; end what else runs on it (nvidia-smi lists it), or choose another GPU";
          case DEVICE_UNAVAILABLE ->
              "another program has it for itself (exclusive compute mode); end that program, or choose another GPU";
          case NO_DEVICE, INVALID_DEVICE -> "the driver shows no such GPU; see CUDA_VISIBLE_DEVICES and nvidia-smi";
          case DEINITIALIZED -> "the driver is shutting down";
          default -> "see nvidia-smi and the system's log; restarting the machine often helps";
        };
    return "%s cannot be opened: %s: %s".formatted(gpu, describe(code), way);
  }
}
