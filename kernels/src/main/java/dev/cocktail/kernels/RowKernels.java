package dev.cocktail.kernels;

import dev.cocktail.tensor.Tensor;

/** TODO. */
final class RowKernels {
  private final CudaContext cuda;

  RowKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void argmax(Tensor out, Tensor in) {
    throw new UnsupportedOperationException("argmax on " + cuda.info().name());
  }

  void embedding(Tensor out, Tensor weight, Tensor ids) {
    throw new UnsupportedOperationException("embedding on " + cuda.info().name());
  }

  void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    throw new UnsupportedOperationException("embeddingBackward on " + cuda.info().name());
  }

  void gatherRows(Tensor out, Tensor in, Tensor rows) {
    throw new UnsupportedOperationException("gatherRows on " + cuda.info().name());
  }
}
