package dev.cocktail.kernels.driver;

/** The GPU has not as much memory as was asked for. */
public final class OutOfGpuMemoryException extends GpuException {
  private static final long serialVersionUID = 1L;

  private final long askedBytes;
  private final long freeBytes;
  private final long heldBytes;

  /**
   * Memory that could not be had.
   *
   * @param askedBytes how much was asked for
   * @param freeBytes how much the GPU has free
   * @param heldBytes how much this program holds already
   */
  public OutOfGpuMemoryException(long askedBytes, long freeBytes, long heldBytes) {
    super(
        "out of GPU memory: %,d bytes were asked for, %,d are free, %,d are held by this program"
            .formatted(askedBytes, freeBytes, heldBytes));
    this.askedBytes = askedBytes;
    this.freeBytes = freeBytes;
    this.heldBytes = heldBytes;
  }

  public long askedBytes() {
    return askedBytes;
  }

  public long freeBytes() {
    return freeBytes;
  }

  public long heldBytes() {
    return heldBytes;
  }
}
