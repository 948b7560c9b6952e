package dev.cocktail.kernels;

import static dev.cocktail.kernels.CudaContext.suffix;

import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/** Root-mean-square norm, its gradients, and the row norms of an adapted weight. */
final class NormKernels {
  private static final String FILE = "norm";
  private static final int WARP = 32;

  /** Packs of a row that a thread keeps in registers; rows of more than all threads keep are read again. */
  private static final int HELD = 4;

  private static final int MOST_LANES = 512;

  /** Rows whose gradients of the weight one thread adds up are about this many, or more for the most parts. */
  private static final int PART_ROWS = 8;

  private static final int MOST_PARTS = 512;

  /** What a block takes of an adapted weight at a time. */
  private static final int TILE_ROWS = 64;

  private static final int TILE_COLUMNS = 128;
  private static final int TILE_PACK = 4;

  /** Blocks that keep the largest GPU busy; rows are cut into parts until there are about as many. */
  private static final int MANY_BLOCKS = 1024;

  private static final int MOST_Y = 65_535;

  private final CudaContext cuda;
  private final ColumnKernels columnKernels;

  NormKernels(CudaContext cuda) {
    this.cuda = cuda;
    this.columnKernels = new ColumnKernels(cuda);
  }

  /**
   * How rows are laid on threads.
   *
   * @param packed whether a thread moves 16 bytes at once
   * @param lanes threads of a row: a power of two up to a warp's, or a block of several warps
   */
  private record Rows(boolean packed, int lanes) {
    static Rows of(DType activation, long columns, Tensor... tensors) {
      int pack = Grids.packOf(activation.bytes());
      boolean packed = columns % pack == 0 && Grids.aligned(tensors);
      long wanted = Grids.ceilDiv(packed ? columns / pack : columns, HELD);
      if (wanted <= WARP) {
        return new Rows(packed, Integer.highestOneBit(Math.toIntExact(2 * wanted - 1)));
      }
      return new Rows(packed, (int) Math.min(Grids.ceilDiv(wanted, WARP) * WARP, MOST_LANES));
    }

    /** A block is one row, or as many as fit. */
    Launch launch(long rows) {
      int threads = lanes > WARP ? lanes : Grids.THREADS;
      return Launch.of(Grids.ceilDiv(rows, threads / lanes), threads);
    }
  }

  void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    if (x.elements() == 0) {
      return;
    }
    var rows = Rows.of(x.dtype(), x.dim(1), out, sum, x, residual, weight);
    cuda.launch(
        FILE,
        "rms_norm_" + suffix(x.dtype()) + "_" + suffix(weight.dtype()),
        rows.launch(x.dim(0)),
        new KernelArguments()
            .pointer(out)
            .pointer(rstd)
            .pointer(sum)
            .pointer(x)
            .pointer(residual)
            .pointer(weight)
            .float32(epsilon)
            .int64(x.dim(0))
            .int64(x.dim(1))
            .int32(rows.lanes)
            .int32(rows.packed ? 1 : 0));
  }

  void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    if (x.elements() == 0 || (dX == null && dWeight == null)) {
      return;
    }
    if (dWeight == null) {
      launchBackward(dX, accumulate, null, dOut, x, weight, rstd, 1);
      return;
    }
    // Of the shape alone, so that every GPU adds in the same order.
    long rows = x.dim(0);
    long partRows = Grids.ceilDiv(rows, Math.min(Grids.ceilDiv(rows, PART_ROWS), MOST_PARTS));
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor partSums = scratch.allocate(DType.F32, Grids.ceilDiv(rows, partRows), x.dim(1));
      launchBackward(dX, accumulate, partSums, dOut, x, weight, rstd, partRows);
      columnKernels.addColumnSums(dWeight, partSums);
    }
  }

  private void launchBackward(
      Tensor dX,
      boolean accumulate,
      Tensor partSums,
      Tensor dOut,
      Tensor x,
      Tensor weight,
      Tensor rstd,
      long partRows) {
    var rows = Rows.of(x.dtype(), x.dim(1), dX, partSums, dOut, x, weight);
    cuda.launch(
        FILE,
        "rms_norm_backward_" + suffix(x.dtype()) + "_" + suffix(weight.dtype()),
        rows.launch(Grids.ceilDiv(x.dim(0), partRows)),
        new KernelArguments()
            .pointer(dX)
            .int32(accumulate ? 1 : 0)
            .pointer(partSums)
            .pointer(dOut)
            .pointer(x)
            .pointer(weight)
            .pointer(rstd)
            .int64(x.dim(0))
            .int64(x.dim(1))
            .int64(partRows)
            .int32(rows.lanes)
            .int32(rows.packed ? 1 : 0));
  }

  void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    if (out.elements() == 0) {
      return;
    }
    long rows = w.dim(0);
    long columns = w.dim(1);
    long rowBlocks = Grids.ceilDiv(rows, TILE_ROWS);
    long tiles = Math.max(1, Grids.ceilDiv(columns, TILE_COLUMNS));
    // Of the shape alone, so that every GPU adds in the same order.
    long wanted = Math.clamp(Grids.ceilDiv(MANY_BLOCKS, rowBlocks), 1, Math.min(tiles, MOST_Y));
    long partTiles = Grids.ceilDiv(tiles, wanted);
    int parts = (int) Grids.ceilDiv(tiles, partTiles);
    boolean packed = columns % TILE_PACK == 0 && Grids.aligned(w);
    try (TensorArena scratch = cuda.openScratch()) {
      Tensor partSquares = scratch.allocate(DType.F32, parts, rows);
      cuda.launch(
          FILE,
          "adapted_row_norm_" + suffix(w.dtype()),
          new Launch(Math.toIntExact(rowBlocks), parts, 1, Grids.THREADS, 0),
          new KernelArguments()
              .pointer(partSquares)
              .pointer(w)
              .pointer(b)
              .pointer(a)
              .float32(scale)
              .int64(rows)
              .int64(columns)
              .int32(Math.toIntExact(a.dim(0)))
              .int32(Math.toIntExact(partTiles))
              .int32(packed ? 1 : 0));
      cuda.launch(
          FILE,
          "root_of_sums_f32",
          Launch.covering(rows, Grids.THREADS),
          new KernelArguments().pointer(out).pointer(partSquares).int32(parts).int64(rows));
    }
  }
}
