package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class MatrixProducts {
  private final CudaContext cuda;

  MatrixProducts(CudaContext cuda) {
    this.cuda = cuda;
  }

  void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    throw new UnsupportedOperationException("gemm on " + cuda.info().name());
  }
}
