package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.MemorySegment;

/** Attention over packed sequences, forward and backward. */
final class AttentionKernels {
  private static final String PLAIN = "attention_plain";
  private static final int PLAIN_ROWS = 32;
  private static final int PLAIN_THREADS = 128;

  /** Columns of a head that a block of the plain kernels gives. */
  private static final int PLAIN_COLUMNS = 128;

  private final CudaContext cuda;
  private final AttentionTiles tiles = new AttentionTiles();

  AttentionKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  /** See {@link dev.cocktail.tensor.Ops#attention}. */
  void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    if (sequences.tokens() == 0) {
      return;
    }
    try (TensorArena scratch = cuda.openScratch()) {
      int[] list = tiles.ofQueries(sequences, PLAIN_ROWS, shape.window());
      var arguments = new KernelArguments().pointer(out).pointer(lse).pointer(qkv).pointer(upload(scratch, list));
      cuda.launch(
          PLAIN,
          "attention_plain_" + CudaContext.suffix(cuda.activation()),
          plainLaunch(list, shape.heads(), shape),
          shape(arguments, shape));
    }
  }

  /** See {@link dev.cocktail.tensor.Ops#attentionBackward}. */
  void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    if (sequences.tokens() == 0) {
      return;
    }
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor delta = scratch.allocate(DType.F32, sequences.tokens(), shape.heads());
      String type = CudaContext.suffix(cuda.activation());
      int[] queries = tiles.ofQueries(sequences, PLAIN_ROWS, shape.window());
      var arguments =
          new KernelArguments()
              .pointer(dQkv)
              .pointer(delta)
              .pointer(dOut)
              .pointer(out)
              .pointer(lse)
              .pointer(qkv)
              .pointer(upload(scratch, queries));
      cuda.launch(
          PLAIN,
          "attention_plain_backward_queries_" + type,
          plainLaunch(queries, shape.heads(), shape),
          shape(arguments, shape));
      int[] keys = tiles.ofKeys(sequences, PLAIN_ROWS, shape.window());
      arguments =
          new KernelArguments()
              .pointer(dQkv)
              .pointer(delta)
              .pointer(dOut)
              .pointer(lse)
              .pointer(qkv)
              .pointer(upload(scratch, keys));
      cuda.launch(
          PLAIN,
          "attention_plain_backward_keys_" + type,
          plainLaunch(keys, shape.kvHeads(), shape),
          shape(arguments, shape));
    }
  }

  private static Launch plainLaunch(int[] list, int heads, AttentionShape shape) {
    return new Launch(blocks(list, heads), Math.ceilDiv(shape.headDim(), PLAIN_COLUMNS), 1, PLAIN_THREADS, 0);
  }

  private static int blocks(int[] list, int heads) {
    return Math.multiplyExact(list.length / AttentionTiles.NUMBERS, heads);
  }

  private static KernelArguments shape(KernelArguments arguments, AttentionShape shape) {
    return arguments
        .int32(shape.heads())
        .int32(shape.kvHeads())
        .int32(shape.headDim())
        .int32(shape.window())
        .float32(shape.scale());
  }

  private Tensor upload(TensorArena scratch, int[] list) {
    Tensor copy = scratch.allocate(DType.I32, list.length);
    cuda.upload(copy.address(), MemorySegment.ofArray(list));
    return copy;
  }
}
