package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.emulator.EmulatedBlas;
import dev.cocktail.kernels.emulator.EmulatedDriver;
import org.junit.jupiter.api.Nested;

/** The contracts of single kernels, on the emulator. */
class EmulatedKernelsTest {
  private interface Emulated extends CudaSetting {
    @Override
    default GpuDriver openDriver() {
      return new EmulatedDriver(1L << 30);
    }

    @Override
    default Blas openBlas(GpuDriver driver) {
      return new EmulatedBlas((EmulatedDriver) driver);
    }
  }

  @Nested
  class Elements extends ElementwiseKernelsContract implements Emulated {}

  @Nested
  class RandomNumbers extends RandomKernelsContract implements Emulated {}

  @Nested
  class ColumnSums extends ColumnKernelsContract implements Emulated {}

  @Nested
  class Products extends MatrixProductsContract implements Emulated {}

  @Nested
  class Slices extends SlicesContract implements Emulated {}

  @Nested
  class CrossEntropy extends CrossEntropyKernelsContract implements Emulated {}

  @Nested
  class Attention extends AttentionKernelsContract implements Emulated {}
}
