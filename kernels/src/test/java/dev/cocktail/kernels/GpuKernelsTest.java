package dev.cocktail.kernels;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.blas.CublasLoader;
import dev.cocktail.kernels.blas.CublasLocator;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuSurvey;
import dev.cocktail.kernels.driver.JCudaDriver;
import dev.cocktail.kernels.testing.RequiresGpu;
import org.junit.jupiter.api.Nested;

/** The contracts of single kernels, on a GPU where there is one. */
@RequiresGpu
class GpuKernelsTest {
  private interface OnGpu extends CudaSetting {
    @Override
    default GpuDriver openDriver() {
      return JCudaDriver.open(0);
    }

    @Override
    default Blas openBlas(GpuDriver driver) {
      CublasLocator.Found libraries = CublasLocator.ofThisMachine().find(GpuSurvey.look().cudaMajor());
      return CublasLoader.open(libraries, (JCudaDriver) driver);
    }
  }

  @Nested
  class Elements extends ElementwiseKernelsContract implements OnGpu {}

  @Nested
  class RandomNumbers extends RandomKernelsContract implements OnGpu {}

  @Nested
  class ColumnSums extends ColumnKernelsContract implements OnGpu {}

  @Nested
  class Products extends MatrixProductsContract implements OnGpu {}

  @Nested
  class Slices extends SlicesContract implements OnGpu {}

  @Nested
  class CrossEntropy extends CrossEntropyKernelsContract implements OnGpu {}

  @Nested
  class Attention extends AttentionKernelsContract implements OnGpu {}
}
