package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention over packed sequences, forward and backward: on tensor cores where activations are BF16 and the head
 * dimension is a multiple of 16 up to 128, else by plain kernels. No matrix of scores is stored; every sum is kept by
 * one thread or warp, so results repeat bit for bit.
 */
final class AttentionKernels {
  private static final String PLAIN = "attention_plain";
  private static final String FORWARD = "attention_forward";
  private static final String BACKWARD = "attention_backward";
  private static final int THREADS = 128;

  /** Rows a block of the plain kernels. */
  private static final int PLAIN_ROWS = 32;

  /** Columns of a head that a block of the plain kernels gives. */
  private static final int PLAIN_COLUMNS = 128;

  /** Queries a block of the fast forward kernel. */
  private static final int FORWARD_ROWS = 128;

  /** Queries or keys a block of the fast backward kernels. */
  private static final int BACKWARD_ROWS = 64;

  /** Rows that a block of the fast backward kernels copies at once. */
  private static final int BACKWARD_STEP = 32;

  private static final int LONGEST_FAST_HEAD = 128;
  private static final int VECTOR_BYTES = 16;

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
    boolean fast = fast(shape, out, qkv);
    try (TensorArena scratch = cuda.openScratch()) {
      int[] queries = tiles.ofQueries(sequences, fast ? FORWARD_ROWS : PLAIN_ROWS, shape.window());
      var arguments = new KernelArguments().pointer(out).pointer(lse).pointer(qkv).pointer(upload(scratch, queries));
      if (fast) {
        launchFast(FORWARD, "attention", queries, shape.heads(), forwardSharedBytes(shape), arguments, shape);
      } else {
        launchPlain("attention_plain", queries, shape.heads(), arguments, shape);
      }
    }
  }

  /** See {@link dev.cocktail.tensor.Ops#attentionBackward}. */
  void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    if (sequences.tokens() == 0) {
      return;
    }
    boolean fast = fast(shape, dQkv, dOut, out, qkv);
    int rows = fast ? BACKWARD_ROWS : PLAIN_ROWS;
    int[] queries = tiles.ofQueries(sequences, rows, shape.window());
    int[] keys = tiles.ofKeys(sequences, rows, shape.window());
    try (TensorArena scratch = cuda.openScratch()) {
      long lists = upload(scratch, queries, keys);
      // dOut . out of each row: the first kernel computes it, the second needs it too.
      Tensor delta = scratch.allocate(DType.F32, sequences.tokens(), shape.heads());
      var forQueries =
          new KernelArguments()
              .pointer(dQkv)
              .pointer(delta)
              .pointer(dOut)
              .pointer(out)
              .pointer(lse)
              .pointer(qkv)
              .pointer(lists);
      var forKeys =
          new KernelArguments()
              .pointer(dQkv)
              .pointer(delta)
              .pointer(dOut)
              .pointer(lse)
              .pointer(qkv)
              .pointer(lists + (long) queries.length * Integer.BYTES);
      if (fast) {
        int shared = (2 * BACKWARD_ROWS + 4 * BACKWARD_STEP) * shape.headDim() * DType.BF16.bytes();
        launchFast(BACKWARD, "attention_backward_queries", queries, shape.heads(), shared, forQueries, shape);
        int numbers = 4 * BACKWARD_STEP * Float.BYTES;
        launchFast(BACKWARD, "attention_backward_keys", keys, shape.kvHeads(), shared + numbers, forKeys, shape);
      } else {
        launchPlain("attention_plain_backward_queries", queries, shape.heads(), forQueries, shape);
        launchPlain("attention_plain_backward_keys", keys, shape.kvHeads(), forKeys, shape);
      }
    }
  }

  /** Whether the tensor cores can do it; their softmax takes the largest score before it is scaled. */
  private boolean fast(AttentionShape shape, Tensor... tensors) {
    if (cuda.activation() != DType.BF16
        || shape.headDim() % 16 != 0
        || shape.headDim() > LONGEST_FAST_HEAD
        || !(shape.scale() > 0)) {
      return false;
    }
    for (Tensor tensor : tensors) {
      if (tensor.address() % VECTOR_BYTES != 0) {
        return false;
      }
    }
    return true;
  }

  /**
   * Two stages of keys and values, and the queries, which pass through the second stage up to head dimension 96 and
   * have their own place beyond.
   */
  private static int forwardSharedBytes(AttentionShape shape) {
    int dim = shape.headDim();
    int keys = dim <= 64 ? 64 : 32;
    int stage = 2 * keys * dim * DType.BF16.bytes();
    int queries = FORWARD_ROWS * dim * DType.BF16.bytes();
    return dim <= 96 ? stage + Math.max(stage, queries) : 2 * stage + queries;
  }

  private void launchFast(
      String file,
      String kernel,
      int[] list,
      int heads,
      int sharedBytes,
      KernelArguments arguments,
      AttentionShape shape) {
    cuda.launch(
        file,
        kernel + "_bf16_" + shape.headDim(),
        new Launch(blocks(list, heads), 1, 1, THREADS, sharedBytes),
        arguments.int32(shape.heads()).int32(shape.kvHeads()).int32(shape.window()).float32(shape.scale()));
  }

  private void launchPlain(String kernel, int[] list, int heads, KernelArguments arguments, AttentionShape shape) {
    cuda.launch(
        PLAIN,
        kernel + "_" + CudaContext.suffix(cuda.activation()),
        new Launch(blocks(list, heads), Math.ceilDiv(shape.headDim(), PLAIN_COLUMNS), 1, THREADS, 0),
        arguments
            .int32(shape.heads())
            .int32(shape.kvHeads())
            .int32(shape.headDim())
            .int32(shape.window())
            .float32(shape.scale()));
  }

  private static int blocks(int[] list, int heads) {
    return Math.multiplyExact(list.length / AttentionTiles.NUMBERS, heads);
  }

  /** Copies lists behind each other; gives the address of the first. */
  private long upload(TensorArena scratch, int[]... lists) {
    int[] numbers = Arrays.stream(lists).flatMapToInt(Arrays::stream).toArray();
    Tensor copy = scratch.allocate(DType.I32, numbers.length);
    cuda.upload(copy.address(), MemorySegment.ofArray(numbers));
    return copy.address();
  }
}
