package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuException;

/**
 * A kernel did what no GPU promises to let pass; the message says what, and in which kernel, line, block and thread.
 */
public final class EmulatorFault extends GpuException {
  private static final long serialVersionUID = 1L;

  EmulatorFault(String message) {
    super(message);
  }

  EmulatorFault(String message, EmulatorFault cause) {
    super(message, cause);
  }
}
