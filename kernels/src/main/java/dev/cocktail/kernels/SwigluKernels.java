package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class SwigluKernels {
  private final CudaContext cuda;

  SwigluKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void swiglu(Tensor out, Tensor gateUp) {
    throw new UnsupportedOperationException("swiglu on " + cuda.info().name());
  }

  void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    throw new UnsupportedOperationException("swigluBackward on " + cuda.info().name());
  }
}
