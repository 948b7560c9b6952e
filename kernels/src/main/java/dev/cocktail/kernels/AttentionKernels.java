package dev.cocktail.kernels;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;

/** TODO. */
final class AttentionKernels {
  private final CudaContext cuda;

  AttentionKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    throw new UnsupportedOperationException("attention on " + cuda.info().name());
  }

  void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    throw new UnsupportedOperationException("attentionBackward on " + cuda.info().name());
  }
}
