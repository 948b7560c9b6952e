package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;

/** Norms of the rows of {@code W + scale B A}, of which only a few rows exist at a time. */
final class AdaptedRowNorm {
  /** Floats of a block of rows: 1 MiB, which stays in cache while it is made, updated and summed. */
  private static final int BLOCK = 1 << 18;

  private final WorkerPool pool;
  private final Gemm gemm;
  private final CpuMemory memory;

  AdaptedRowNorm(WorkerPool pool, Gemm gemm, CpuMemory memory) {
    this.pool = pool;
    this.gemm = gemm;
    this.memory = memory;
  }

  void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    Matrix base = Matrix.of(w);
    Matrix left = Matrix.of(b);
    Matrix right = Matrix.of(a);
    long norms = Floats.at(out);
    int width = base.columns();
    int most = Math.clamp(BLOCK / Math.max(1, width), 1, Math.max(1, base.rows()));
    TensorArena.Region region = memory.acquire(Math.max(4, 4L * most * width));
    try {
      for (int from = 0; from < base.rows(); from += most) {
        int rows = Math.min(most, base.rows() - from);
        Matrix block = Matrix.rowMajor(region.address(), DType.F32, rows, width);
        Matrix source = base.part(from, rows, 0, width);
        Chunks.rows(
            pool,
            rows,
            width,
            (begin, end) ->
                Widening.widen(
                    source.type(),
                    source.addressOf((int) begin, 0),
                    (int) (end - begin) * width,
                    block.addressOf((int) begin, 0)));
        gemm.run(block, scale, left.part(from, rows, 0, left.columns()), right, 1);
        norms(norms + 4L * from, block);
      }
    } finally {
      memory.release(region);
    }
  }

  private void norms(long out, Matrix block) {
    Chunks.rows(
        pool,
        block.rows(),
        block.columns(),
        (from, to) -> {
          float[] lanes = new float[COUNT];
          for (int n = (int) from; n < to; n++) {
            long row = block.addressOf(n, 0);
            NormOps.sumProducts(row, row, block.columns(), lanes);
            Floats.set(out + 4L * n, (float) Math.sqrt(Floats.sum(lanes)));
          }
        });
  }
}
