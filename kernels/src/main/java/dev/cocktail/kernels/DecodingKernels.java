package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/** The cache of keys and values, and attention of one new token a sequence over it. */
final class DecodingKernels {
  private static final String FILE = "decoding";
  private static final int THREADS = 128;

  /** Keys a block; a sequence with more is cut. */
  private static final int SPLIT = 256;

  /** Bytes of the widest loads and stores. */
  private static final int VECTOR = 16;

  private final CudaContext cuda;

  DecodingKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  /** See {@link dev.cocktail.tensor.Ops#storeKeysAndValues}. */
  void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    if (sequences.tokens() == 0) {
      return;
    }
    int bytes = qkv.dtype().bytes();
    int perVector = VECTOR / bytes;
    boolean wide =
        shape.queryWidth() % perVector == 0
            && shape.kvWidth() % perVector == 0
            && (keys.address() | values.address() | qkv.address()) % VECTOR == 0;
    int unit = wide ? perVector : 1;
    cuda.launch(
        FILE,
        "store_keys_and_values_" + unit * bytes + "_bytes",
        Launch.of(sequences.tokens(), THREADS),
        new KernelArguments()
            .pointer(keys)
            .pointer(values)
            .pointer(qkv)
            .pointer(sequences.onDevice())
            .int32(sequences.count())
            .pointer(slots)
            .pointer(starts)
            .int32(Math.toIntExact(keys.dim(1)))
            .int32(shape.queryWidth() / unit)
            .int32(shape.kvWidth() / unit));
  }

  /** See {@link dev.cocktail.tensor.Ops#attentionDecode}. */
  void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    int sequences = Math.toIntExact(slots.dim(0));
    if (sequences == 0) {
      return;
    }
    int dim = shape.headDim();
    int perVector = VECTOR / keys.dtype().bytes();
    int width = dim % perVector == 0 && (keys.address() | values.address()) % VECTOR == 0 ? perVector : 1;
    int group = shape.heads() / shape.kvHeads();
    int headsPerBlock = group == 1 ? 1 : 4;
    int splits = Math.max(1, Math.ceilDiv(Math.min(longest, shape.window()), SPLIT));
    long blocks = (long) sequences * shape.kvHeads() * Math.ceilDiv(group, headsPerBlock) * splits;
    int columnGroups = Math.ceilDiv(dim / width, THREADS);
    int sharedBytes = Float.BYTES * Math.max(headsPerBlock * dim, THREADS * width);
    String type = CudaContext.suffix(cuda.activation());
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor sums = null;
      Tensor largest = null;
      Tensor totals = null;
      if (splits > 1) {
        sums = scratch.allocate(DType.F32, sequences, shape.heads(), splits, dim);
        largest = scratch.allocate(DType.F32, sequences, shape.heads(), splits);
        totals = scratch.allocate(DType.F32, sequences, shape.heads(), splits);
      }
      cuda.launch(
          FILE,
          "attention_decode_" + type + "_" + width + "_" + headsPerBlock,
          new Launch(Math.toIntExact(blocks), columnGroups, 1, THREADS, sharedBytes),
          new KernelArguments()
              .pointer(out)
              .pointer(sums)
              .pointer(largest)
              .pointer(totals)
              .pointer(qkv)
              .pointer(keys)
              .pointer(values)
              .pointer(slots)
              .pointer(lengths)
              .int32(Math.toIntExact(keys.dim(1)))
              .int32(shape.heads())
              .int32(shape.kvHeads())
              .int32(dim)
              .int32(shape.window())
              .int32(splits)
              .float32(shape.scale()));
      if (splits > 1) {
        cuda.launch(
            FILE,
            "attention_decode_combine_" + type,
            Launch.of((long) sequences * shape.heads(), THREADS),
            new KernelArguments().pointer(out).pointer(sums).pointer(largest).pointer(totals).int32(dim).int32(splits));
      }
    }
  }
}
