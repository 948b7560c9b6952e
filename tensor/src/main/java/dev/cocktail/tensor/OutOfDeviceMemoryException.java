package dev.cocktail.tensor;

/** A device has not as much memory left as was asked for. */
public final class OutOfDeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Memory that could not be had.
   *
   * @param device its name
   * @param asked bytes that were asked for
   * @param available bytes that the device could still give
   * @param held bytes that this program holds already
   */
  public OutOfDeviceMemoryException(String device, long asked, long available, long held, Throwable cause) {
    super(
        "out of memory on %s: %s more were asked for, %s are available, %s are held by this program"
            .formatted(device, readable(asked), readable(available), readable(held)),
        cause);
  }

  /** A number of bytes for people. */
  public static String readable(long bytes) {
    return bytes < 10L << 30
        ? "%,d MiB".formatted((bytes + (1 << 20) - 1) >> 20)
        : "%.1f GiB".formatted(bytes / 0x1p30);
  }
}
