package dev.cocktail.kernels.driver;

/**
 * What a GPU is.
 *
 * @param name as the driver reports it
 * @param ordinal its number among the GPUs the driver shows, from 0
 * @param capabilityMajor first number of the compute capability, such as 8 of 8.6
 * @param capabilityMinor second number of the compute capability
 * @param multiprocessors number of streaming multiprocessors
 * @param sharedBytesPerBlock the most dynamic shared memory a block may ask for (opt-in)
 * @param totalBytes of memory
 * @param driverVersion newest CUDA version that the driver supports, as 1000 major + 10 minor: 12040 for 12.4
 */
public record GpuInfo(
    String name,
    int ordinal,
    int capabilityMajor,
    int capabilityMinor,
    int multiprocessors,
    int sharedBytesPerBlock,
    long totalBytes,
    int driverVersion) {

  /** The compute capability as one number: 86 for 8.6. */
  public int capability() {
    return 10 * capabilityMajor + capabilityMinor;
  }
}
