package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class ColumnKernels {
  private final CudaContext cuda;

  ColumnKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    throw new UnsupportedOperationException("scaleColumns on " + cuda.info().name());
  }

  void scaleColumnsBackward(Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    throw new UnsupportedOperationException("scaleColumnsBackward on " + cuda.info().name());
  }
}
