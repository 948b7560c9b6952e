package dev.cocktail.kernels;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What takes all tensors that are trained in one launch: their gradients' norm, AdamW, fills and conversions. Tensors
 * are cut into pieces, a block each, which find their tensor in a table that goes to the GPU beforehand: one large
 * matrix and hundreds of small ones keep it busy alike.
 */
final class OptimizerKernels {
  private static final String FILE = "optimizer";

  /** Elements of a piece of a step, which moves 28 bytes for each. */
  private static final int STEP_PIECE = 4096;

  /** Elements of a piece of the norm, which moves 4 bytes for each. */
  private static final int NORM_PIECE = 16_384;

  private static final int NORM_THREADS = 1024;

  private final CudaContext cuda;

  OptimizerKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  /**
   * What a table says of tensors: the number of each one's first piece, then one past all pieces, then each one's
   * number of elements, then each one's addresses, list after list.
   */
  private record Table(long[] words, int tensors, int pieces, int piece) {
    static Table of(int piece, List<List<Tensor>> lists) {
      int tensors = lists.getFirst().size();
      long[] words = new long[tensors + 1 + tensors + lists.size() * tensors];
      long pieces = 0;
      for (int i = 0; i < tensors; i++) {
        long elements = lists.getFirst().get(i).elements();
        words[i] = pieces;
        words[tensors + 1 + i] = elements;
        for (int list = 0; list < lists.size(); list++) {
          words[(2 + list) * tensors + 1 + i] = lists.get(list).get(i).address();
        }
        pieces += Grids.ceilDiv(elements, piece);
      }
      words[tensors] = pieces;
      return new Table(words, tensors, Math.toIntExact(pieces), piece);
    }
  }

  void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    Table table = Table.of(NORM_PIECE, List.of(gradients));
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor sums = scratch.allocate(DType.F64, table.pieces);
      if (table.pieces > 0) {
        cuda.launch(
            FILE,
            "sums_of_squares_f32",
            Launch.of(table.pieces, Grids.THREADS),
            new KernelArguments()
                .pointer(sums)
                .pointer(upload(table, scratch))
                .int32(table.tensors)
                .int32(table.piece));
      }
      cuda.launch(
          FILE,
          "clipping_f32",
          Launch.of(1, NORM_THREADS),
          new KernelArguments().pointer(norm).pointer(scale).pointer(sums).int32(table.pieces).float64(maxNorm));
    }
  }

  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    Table table = Table.of(STEP_PIECE, List.of(parameters, gradients, firstMoments, secondMoments));
    if (table.pieces == 0) {
      return;
    }
    double correction1 = 1 - StrictMath.pow(step.beta1(), step.step());
    double correction2 = 1 - StrictMath.pow(step.beta2(), step.step());
    try (TensorArena scratch = cuda.openScratch()) {
      cuda.launch(
          FILE,
          "adam_w_f32",
          Launch.of(table.pieces, Grids.THREADS),
          new KernelArguments()
              .pointer(upload(table, scratch))
              .int32(table.tensors)
              .int32(table.piece)
              .pointer(scale)
              .float32(1 - step.learningRate() * step.weightDecay())
              .float32(step.beta1())
              .float32(1 - step.beta1())
              .float32(step.beta2())
              .float32(1 - step.beta2())
              .float32(step.learningRate() / correction1)
              .float32(1 / Math.sqrt(correction2))
              .float32(step.epsilon()));
    }
  }

  /** Fills F32 tensors. */
  void fill(List<Tensor> outs, double value) {
    launch("fill_list_f32", Table.of(STEP_PIECE, List.of(outs)), new KernelArguments().float32(value));
  }

  /** Whether {@link #cast} has a kernel for them: from F32 to F32 or BF16. */
  static boolean casts(List<Tensor> outs, List<Tensor> ins) {
    DType type = outs.getFirst().dtype();
    return (type == DType.F32 || type == DType.BF16)
        && outs.stream().allMatch(out -> out.dtype() == type)
        && ins.stream().allMatch(in -> in.dtype() == DType.F32);
  }

  void cast(List<Tensor> outs, List<Tensor> ins) {
    String kernel = "cast_list_f32_" + CudaContext.suffix(outs.getFirst().dtype());
    launch(kernel, Table.of(STEP_PIECE, List.of(outs, ins)), new KernelArguments());
  }

  private void launch(String kernel, Table table, KernelArguments more) {
    if (table.pieces == 0) {
      return;
    }
    try (TensorArena scratch = cuda.openScratch()) {
      KernelArguments arguments = more.pointer(upload(table, scratch)).int32(table.tensors).int32(table.piece);
      cuda.launch(FILE, kernel, Launch.of(table.pieces, Grids.THREADS), arguments);
    }
  }

  /** The table in scratch memory. */
  private Tensor upload(Table table, TensorArena scratch) {
    Tensor words = scratch.allocate(DType.I64, table.words.length);
    cuda.upload(words.address(), MemorySegment.ofArray(table.words));
    return words;
  }
}
