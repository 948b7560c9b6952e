package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.emulator.EmulatedBlas;
import dev.cocktail.kernels.emulator.EmulatedDriver;

/** The attention kernels on the emulator. */
class EmulatedAttentionKernelsTest extends AttentionKernelsContract {
  @Override
  public GpuDriver openDriver() {
    return new EmulatedDriver(1L << 30);
  }

  @Override
  public Blas openBlas(GpuDriver driver) {
    return new EmulatedBlas((EmulatedDriver) driver);
  }
}
