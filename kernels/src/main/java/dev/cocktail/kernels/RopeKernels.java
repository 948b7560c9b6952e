package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Tensor;

/** Rotary position embeddings: a block a token, whose threads share the token's cosines and sines among the heads. */
final class RopeKernels {
  private final CudaContext cuda;

  RopeKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    int half = Math.toIntExact(cos.dim(1));
    if (qkv.elements() == 0 || half == 0) {
      return;
    }
    int pack = Grids.packOf(qkv.dtype().bytes());
    boolean packed = half % pack == 0 && shape.headDim() % pack == 0 && Grids.aligned(qkv, cos, sin);
    int lanes = Math.min(packed ? half / pack : half, Grids.THREADS);
    int heads = shape.heads() + shape.kvHeads();
    // As few rounds over the heads as a block allows, and no more threads than keep all of them busy in each.
    int rounds = (int) Grids.ceilDiv(heads, Math.max(1, Grids.THREADS / lanes));
    int threads = lanes * (int) Grids.ceilDiv(heads, rounds);
    cuda.launch(
        "rope",
        "rope_" + suffix(qkv.dtype()),
        Launch.of(qkv.dim(0), threads),
        new KernelArguments()
            .pointer(qkv)
            .pointer(cos)
            .pointer(sin)
            .pointer(rowOfToken)
            .int32(Math.toIntExact(cos.dim(0)))
            .int32(half)
            .int32(heads)
            .int32(shape.headDim())
            .int64(shape.qkvWidth())
            .int32(lanes)
            .float32(inverse ? -1 : 1)
            .int32(packed ? 1 : 0));
  }
}
