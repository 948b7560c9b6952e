package dev.cocktail.kernels.driver;

/**
 * Work on the GPU failed: a launch, a copy, a library call. The message names what was asked for, with the kernel and
 * its grid where it was a launch.
 */
public class GpuException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public GpuException(String message) {
    super(message);
  }

  public GpuException(String message, Throwable cause) {
    super(message, cause);
  }
}
