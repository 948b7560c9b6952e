package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class ElementwiseKernels {
  private final CudaContext cuda;

  ElementwiseKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void fill(Tensor out, double value) {
    throw new UnsupportedOperationException("fill on " + cuda.info().name());
  }

  void cast(Tensor out, Tensor in) {
    throw new UnsupportedOperationException("cast on " + cuda.info().name());
  }

  void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    throw new UnsupportedOperationException("addScaled on " + cuda.info().name());
  }

  void scale(Tensor x, double scale) {
    throw new UnsupportedOperationException("scale on " + cuda.info().name());
  }

  void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    throw new UnsupportedOperationException("divide on " + cuda.info().name());
  }
}
