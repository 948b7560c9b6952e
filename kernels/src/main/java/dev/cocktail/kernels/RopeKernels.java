package dev.cocktail.kernels;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Tensor;

/** TODO. */
final class RopeKernels {
  private final CudaContext cuda;

  RopeKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    throw new UnsupportedOperationException("rope on " + cuda.info().name());
  }
}
