package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/**
 * Cross-entropy fused with the output projection. Tokens are taken a chunk at a time: their logits, F32, are one
 * product; one kernel makes the loss and the gradient of each row of logits; two more products carry the gradient to
 * the hidden states and to the weight. On a device with narrow activations the gradient of the logits is rounded to
 * them, as the products need it; on others it takes the place of the logits.
 *
 * <p>Tokens without a target are multiplied with too, with gradients of zero: how many they are is known on the GPU
 * alone, and the host, which shapes the products, does not wait for it.
 */
final class CrossEntropyKernels {
  private static final String FILE = "cross_entropy";
  private static final int THREADS = 512;

  /** Most scratch for logits and their gradients, unless those of one token alone are more. */
  private static final long SCRATCH_BYTES = 256L << 20;

  /** Chunks are of a multiple of so many tokens where there are as many, to fit the tiles of matrix products. */
  private static final int CHUNK_MULTIPLE = 64;

  private final CudaContext cuda;
  private final MatrixProducts products;
  private final long scratchBytes;

  CrossEntropyKernels(CudaContext cuda) {
    this(cuda, SCRATCH_BYTES);
  }

  /** With another limit on scratch. */
  CrossEntropyKernels(CudaContext cuda, long scratchBytes) {
    this.cuda = cuda;
    this.products = new MatrixProducts(cuda);
    this.scratchBytes = scratchBytes;
  }

  void crossEntropy(Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    long tokens = hidden.dim(0);
    long vocabulary = w.dim(0);
    if (tokens == 0) {
      return;
    }
    boolean withGradients = dHidden != null || dW != null;
    boolean inPlace = hidden.dtype() == DType.F32;
    long rowBytes = vocabulary * (DType.F32.bytes() + (withGradients && !inPlace ? hidden.dtype().bytes() : 0));
    long chunk = chunk(tokens, rowBytes);
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor allLogits = scratch.allocate(DType.F32, chunk, vocabulary);
      Tensor allGradients =
          !withGradients ? null : inPlace ? allLogits : scratch.allocate(hidden.dtype(), chunk, vocabulary);
      for (long from = 0; from < tokens; from += chunk) {
        long count = Math.min(chunk, tokens - from);
        Tensor part = hidden.rows(from, count);
        Tensor logits = allLogits.rows(0, count);
        Tensor gradients = withGradients ? allGradients.rows(0, count) : null;
        products.gemm(logits, 1, part, false, w, true, 0);
        softmax(
            losses.rows(from, count), gradients, logits, targets.rows(from, count), weights.rows(from, count), inPlace);
        if (dHidden != null) {
          products.gemm(dHidden.rows(from, count), 1, gradients, false, w, false, 0);
        }
        if (dW != null) {
          products.gemm(dW, 1, gradients, true, part, false, 1);
        }
      }
    }
  }

  /** Tokens taken at a time: even shares, scratch's worth at most. */
  private long chunk(long tokens, long rowBytes) {
    long most = Math.clamp(scratchBytes / Math.max(1, rowBytes), 1, tokens);
    long share = Grids.ceilDiv(tokens, Grids.ceilDiv(tokens, most));
    long rounded = Grids.ceilDiv(share, CHUNK_MULTIPLE) * CHUNK_MULTIPLE;
    return rounded <= most ? rounded : most >= CHUNK_MULTIPLE ? most / CHUNK_MULTIPLE * CHUNK_MULTIPLE : share;
  }

  /** Losses of rows of logits, and their gradients where wanted. */
  private void softmax(
      Tensor losses, Tensor gradients, Tensor logits, Tensor targets, Tensor weights, boolean inPlace) {
    long vocabulary = logits.dim(1);
    DType type = inPlace || gradients == null ? DType.F32 : gradients.dtype();
    boolean packed = vocabulary % Grids.packOf(type.bytes()) == 0 && Grids.aligned(logits, gradients);
    cuda.launch(
        FILE,
        "cross_entropy_" + suffix(type),
        Launch.of(logits.dim(0), THREADS),
        new KernelArguments()
            .pointer(losses)
            .pointer(gradients)
            .pointer(logits)
            .pointer(targets)
            .pointer(weights)
            .int64(vocabulary)
            .int32(packed ? 1 : 0));
  }
}
