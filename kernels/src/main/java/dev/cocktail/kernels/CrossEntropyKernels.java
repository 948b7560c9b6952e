package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class CrossEntropyKernels {
  private final CudaContext cuda;

  CrossEntropyKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void crossEntropy(Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    throw new UnsupportedOperationException("crossEntropy on " + cuda.info().name());
  }
}
