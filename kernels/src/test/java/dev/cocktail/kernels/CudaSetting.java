package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.tensor.DType;

/**
 * Where the CUDA device is tested: a GPU, real or emulated. The tests are abstract classes named contracts; what
 * extends one gives it a setting.
 */
interface CudaSetting {
  /** Opens the GPU; skips the test where there is none. */
  GpuDriver openDriver();

  /** Opens matrix products for it. */
  Blas openBlas(GpuDriver driver);

  /** Opens a device with activations of the given type. */
  default CudaDevice open(DType activation) {
    GpuDriver driver = openDriver();
    return new CudaDevice(driver, openBlas(driver), activation);
  }
}
