package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.Tensor;

/**
 * Operations that pick rows or elements of rows. Indices lie on the GPU and are not looked at beforehand: a row picked
 * from outside a table is not a number, a gradient for one is dropped.
 */
final class RowKernels {
  private static final String FILE = "row";
  private static final int WARP = 32;
  private static final int MOST_ARGMAX_THREADS = 512;

  /** Columns that a thread of embeddingBackward adds at once: 16 bytes of the gradient of the table. */
  private static final int TABLE_PACK = 4;

  private final CudaContext cuda;

  RowKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void argmax(Tensor out, Tensor in) {
    if (out.elements() == 0) {
      return;
    }
    long columns = in.dim(1);
    int pack = Grids.packOf(in.dtype().bytes());
    boolean packed = columns % pack == 0 && Grids.aligned(in);
    long warps = Grids.ceilDiv(packed ? columns / pack : columns, WARP);
    int threads = (int) Math.min(warps * WARP, MOST_ARGMAX_THREADS);
    cuda.launch(
        FILE,
        "argmax_" + suffix(in.dtype()),
        Launch.of(in.dim(0), threads),
        new KernelArguments().pointer(out).pointer(in).int64(columns).int32(packed ? 1 : 0));
  }

  void embedding(Tensor out, Tensor weight, Tensor ids) {
    gatherRows(out, weight, ids);
  }

  void gatherRows(Tensor out, Tensor in, Tensor rows) {
    if (out.elements() == 0) {
      return;
    }
    long columns = out.dim(1);
    int pack = Grids.packOf(Math.min(out.dtype().bytes(), in.dtype().bytes()));
    boolean packed = columns % pack == 0 && Grids.aligned(out, in);
    var grid = Grids.rows(cuda.info(), out.dim(0), packed ? columns / pack : columns);
    cuda.launch(
        FILE,
        "gather_rows_" + suffix(out.dtype()) + "_" + suffix(in.dtype()),
        grid.launch(),
        new KernelArguments()
            .pointer(out)
            .pointer(in)
            .pointer(rows)
            .int64(in.dim(0))
            .int64(out.dim(0))
            .int64(columns)
            .int32(packed ? 1 : 0)
            .int32(grid.shift()));
  }

  void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    if (dOut.elements() == 0) {
      return;
    }
    long tokens = ids.dim(0);
    long columns = dWeight.dim(1);
    boolean packed = columns % TABLE_PACK == 0 && Grids.aligned(dWeight, dOut);
    cuda.launch(
        FILE,
        "embedding_backward_" + suffix(dOut.dtype()),
        Launch.of(tokens, Grids.THREADS),
        new KernelArguments()
            .pointer(dWeight)
            .pointer(dOut)
            .pointer(ids)
            .int64(dWeight.dim(0))
            .int64(tokens)
            .int64(columns)
            .int32(packed ? 1 : 0));
  }
}
