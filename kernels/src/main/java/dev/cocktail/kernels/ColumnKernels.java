package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/** Factors on columns, and their gradient: sums over rows in two stages of a fixed order. */
final class ColumnKernels {
  private static final String FILE = "column";

  /** Rows are summed in parts of about this many, and in no more parts than {@link #MOST_PARTS}. */
  private static final int PART_ROWS = 16;

  private static final int MOST_PARTS = 512;

  /** Columns that a block of the second stage adds the parts of. */
  private static final int COLUMNS_AT_ONCE = 32;

  private final CudaContext cuda;

  ColumnKernels(CudaContext cuda) {
    this.cuda = cuda;
  }

  void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    multiply(out, false, in, factors);
  }

  private void multiply(Tensor out, boolean accumulate, Tensor in, Tensor factors) {
    if (in.elements() == 0) {
      return;
    }
    long rows = in.dim(0);
    long columns = in.dim(1);
    int pack = pack(in, out, factors);
    var grid = Grids.rows(cuda.info(), rows, columns / pack);
    cuda.launch(
        FILE,
        "scale_columns_" + suffix(in.dtype()),
        grid.launch(),
        new KernelArguments()
            .pointer(out)
            .int32(accumulate ? 1 : 0)
            .pointer(in)
            .pointer(factors)
            .int64(rows)
            .int64(columns)
            .int32(pack > 1 ? 1 : 0)
            .int32(grid.shift()));
  }

  void scaleColumnsBackward(Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    if (dFactors == null) {
      if (dIn != null) {
        multiply(dIn, accumulate, dOut, factors);
      }
      return;
    }
    if (in.elements() == 0) {
      return;
    }
    long rows = in.dim(0);
    long columns = in.dim(1);
    int pack = pack(in, dOut, dIn, factors);
    int shift = Grids.shift(columns / pack);
    // Of the shape alone, so that every GPU adds in the same order.
    long partRows = Grids.ceilDiv(rows, Math.min(Grids.ceilDiv(rows, PART_ROWS), MOST_PARTS));
    int parts = (int) Grids.ceilDiv(rows, partRows);
    long wide = Grids.ceilDiv(columns / pack, 1L << shift);
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor partSums = scratch.allocate(DType.F32, parts, columns);
      cuda.launch(
          FILE,
          "scale_columns_backward_" + suffix(in.dtype()),
          new Launch(Math.toIntExact(wide), parts, 1, Grids.THREADS, 0),
          new KernelArguments()
              .pointer(dIn)
              .int32(accumulate ? 1 : 0)
              .pointer(partSums)
              .pointer(dOut)
              .pointer(in)
              .pointer(factors)
              .int64(rows)
              .int64(columns)
              .int64(partRows)
              .int32(pack > 1 ? 1 : 0)
              .int32(shift));
      addColumnSums(dFactors, partSums);
    }
  }

  /** {@code sums[n] += sum_p partSums[p,n]}, all F32, in an order that the shape decides. */
  void addColumnSums(Tensor sums, Tensor partSums) {
    long columns = sums.elements();
    if (partSums.elements() == 0) {
      return;
    }
    cuda.launch(
        FILE,
        "add_column_sums_f32",
        Launch.of(Grids.ceilDiv(columns, COLUMNS_AT_ONCE), Grids.THREADS),
        new KernelArguments()
            .pointer(sums)
            .pointer(partSums)
            .int32(Math.toIntExact(partSums.elements() / columns))
            .int64(columns));
  }

  /** Elements of a row that a thread moves at once. */
  private static int pack(Tensor in, Tensor... others) {
    int pack = Grids.packOf(in.dtype().bytes());
    return in.dim(1) % pack == 0 && Grids.aligned(in) && Grids.aligned(others) ? pack : 1;
  }
}
