package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuException;

/** A kernel did what it must not, or what the emulator does not know. */
public final class EmulatorFault extends GpuException {
  private static final long serialVersionUID = 1L;

  EmulatorFault(String message) {
    super(message);
  }

  EmulatorFault(String message, Throwable cause) {
    super(message, cause);
  }
}
