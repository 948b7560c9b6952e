package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class NormKernels {
  private final CudaContext cuda;

  NormKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    throw new UnsupportedOperationException("rmsNorm on " + cuda.info().name());
  }

  void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    throw new UnsupportedOperationException("rmsNormBackward on " + cuda.info().name());
  }

  void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    throw new UnsupportedOperationException("adaptedRowNorm on " + cuda.info().name());
  }
}
