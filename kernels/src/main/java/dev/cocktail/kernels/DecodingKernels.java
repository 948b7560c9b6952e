package dev.cocktail.kernels;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;

/** TODO. */
final class DecodingKernels {
  private final CudaContext cuda;

  DecodingKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    throw new UnsupportedOperationException("storeKeysAndValues on " + cuda.info().name());
  }

  void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    throw new UnsupportedOperationException("attentionDecode on " + cuda.info().name());
  }
}
