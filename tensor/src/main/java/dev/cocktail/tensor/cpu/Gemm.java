package dev.cocktail.tensor.cpu;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.util.function.IntConsumer;

/**
 * Matrix products {@code C = alpha A B + beta C} in F32: A [M,K] and B [K,N] are F32, BF16 or F16 in any layout, C
 * [M,N] is F32 with contiguous rows. With beta = 0, C is only written; with alpha = 0 or K = 0, A and B are not read.
 * For every element of C the order of summation is fixed by the shapes: it does not depend on the number of threads.
 *
 * <p>Large products follow Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008): A and B
 * are packed into panels, each element once and on all threads, then tiles of C are computed from the panels by {@link
 * MicroKernel}. Products of few rows or columns along contiguous k go to {@link DotProducts}, which packs nothing.
 */
final class Gemm {
  /**
   * Largest depth of a panel. A panel of B (512 x 48 floats, 96 KiB) and a block of A then share the second-level
   * cache, from where B streams at 16 bytes a cycle while an 8-row panel of A (16 KiB) stays in the first level; less
   * depth means more passes over C, and was measured to be slower (256: by 3 in a hundred).
   */
  static final int DEPTH = 512;

  /** k is taken in groups of so many panels' depth, packed together, so that most products pack once. */
  private static final int DEPTH_OF_GROUP = 4 * DEPTH;

  /**
   * Tiles of rows that one task computes: 128 rows of A at full depth are 256 KiB, a quarter of a second-level cache.
   */
  private static final int TILES_PER_TASK = 16;

  /** Multiply-adds below which a task is not worth claiming: some 10 microseconds. */
  private static final long SMALLEST_TASK = 1L << 20;

  /** Multiply-adds below which waking other threads costs more than it saves. */
  private static final long SMALLEST_SHARED = 1L << 17;

  /** Floats of a packed operand: 8 MiB when the whole processor works on it, 1 MiB inside a task. */
  private static final int SHARED_CAPACITY = 2 << 20;

  private static final int TASK_CAPACITY = 256 << 10;

  /** Up to so many tiles of rows, rows of B that need no widening are read in place: packing would cost more. */
  private static final int FEW_TILES = 4;

  private final WorkerPool pool;

  Gemm(WorkerPool pool) {
    this.pool = requireNonNull(pool, "pool");
  }

  /** The operation {@link dev.cocktail.tensor.Ops#gemm}: {@code C = alpha op(A) op(B) + beta C}. */
  void multiply(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    run(Matrix.of(c), alpha, Matrix.of(a).transposed(transposeA), Matrix.of(b).transposed(transposeB), beta);
  }

  /** {@code C = alpha A B + beta C} on all threads. */
  void run(Matrix c, double alpha, Matrix a, Matrix b, double beta) {
    requireFitting(c, a, b);
    boolean shared = (long) c.rows() * c.columns() * a.columns() >= SMALLEST_SHARED;
    compute(c, (float) alpha, a, b, (float) beta, shared ? pool : null);
  }

  /** {@code C = alpha A B + beta C} on the calling thread alone, for use inside a task of the pool; same bits. */
  void runInTask(Matrix c, double alpha, Matrix a, Matrix b, double beta) {
    requireFitting(c, a, b);
    compute(c, (float) alpha, a, b, (float) beta, null);
  }

  private static void requireFitting(Matrix c, Matrix a, Matrix b) {
    if (a.columns() != b.rows() || c.rows() != a.rows() || c.columns() != b.columns()) {
      throw new IllegalArgumentException("shapes do not fit: C " + c + " = op(A) " + a + " op(B) " + b);
    }
    if (c.type() != DType.F32 || c.columnStride() != 1) {
      throw new IllegalArgumentException("C must be F32 with contiguous rows, this is " + c);
    }
  }

  private static void compute(Matrix c, float alpha, Matrix a, Matrix b, float beta, WorkerPool pool) {
    if (c.rows() == 0 || c.columns() == 0) {
      return;
    }
    if (alpha == 0 || a.columns() == 0) {
      WriteBack.scale(c, beta);
      return;
    }
    if (DotProducts.suit(c, b)) {
      DotProducts.run(c, alpha, a, b, beta, pool);
      return;
    }
    if (DotProducts.suit(c.transposed(), a.transposed())) {
      DotProducts.run(c.transposed(), alpha, b.transposed(), a.transposed(), beta, pool);
      return;
    }
    // Few columns waste most of a wide tile: compute the transpose then. Each element is the same sum either way.
    if (paddedSize(c.columns(), c.rows()) < 0.75 * paddedSize(c.rows(), c.columns())) {
      packed(c.transposed(), alpha, b.transposed(), a.transposed(), beta, pool);
    } else {
      packed(c, alpha, a, b, beta, pool);
    }
  }

  private static double paddedSize(int rows, int columns) {
    return (double) roundUp(rows, MicroKernel.ROWS) * roundUp(columns, MicroKernel.COLUMNS);
  }

  /** The product in chunks whose packed operands fit the buffers. */
  private static void packed(Matrix c, float alpha, Matrix a, Matrix b, float beta, WorkerPool pool) {
    int capacity = pool == null ? TASK_CAPACITY : SHARED_CAPACITY;
    int depth = a.columns();
    int groupDepth = Math.min(depth, DEPTH_OF_GROUP);
    int rows = Math.max(MicroKernel.ROWS, capacity / groupDepth / MicroKernel.ROWS * MicroKernel.ROWS);
    int columns = Math.max(MicroKernel.COLUMNS, capacity / groupDepth / MicroKernel.COLUMNS * MicroKernel.COLUMNS);
    // Decided for all chunks alike: a later chunk of rows finds B as the first one left it.
    boolean inPlace =
        Math.ceilDiv(c.rows(), MicroKernel.ROWS) <= FEW_TILES && b.type() == DType.F32 && b.columnStride() == 1;
    for (int k = 0; k < depth; k += DEPTH_OF_GROUP) {
      int chunkDepth = Math.min(DEPTH_OF_GROUP, depth - k);
      float keep = k == 0 ? beta : 1;
      for (int j = 0; j < c.columns(); j += columns) {
        int chunkColumns = Math.min(columns, c.columns() - j);
        for (int i = 0; i < c.rows(); i += rows) {
          int chunkRows = Math.min(rows, c.rows() - i);
          new Chunk(
                  c.part(i, chunkRows, j, chunkColumns),
                  alpha,
                  a.part(i, chunkRows, k, chunkDepth),
                  b.part(k, chunkDepth, j, chunkColumns),
                  keep,
                  inPlace,
                  i == 0)
              .run(pool);
        }
      }
    }
  }

  private static int roundUp(int value, int unit) {
    return Math.ceilDiv(value, unit) * unit;
  }

  /** One product whose packed operands fit the buffers: packs them, then computes tiles from them. */
  private static final class Chunk {
    private final Matrix c;
    private final float alpha;
    private final Matrix a;
    private final Matrix b;
    private final float beta;
    private final int depth;
    private final int tiles;
    private final int panels;
    private final int panelsInPlace;
    private final int panelsPacked;
    private final float[] packedA;
    private final long packedB;
    private final int tilesPerTask;
    private final int panelsPerTask;

    /**
     * @param inPlace whether whole panels of B are read where they lie
     * @param packB whether B is still to be packed; it is when the chunk before had another part of B
     */
    Chunk(Matrix c, float alpha, Matrix a, Matrix b, float beta, boolean inPlace, boolean packB) {
      this.c = c;
      this.alpha = alpha;
      this.a = a;
      this.b = b;
      this.beta = beta;
      depth = a.columns();
      tiles = Math.ceilDiv(c.rows(), MicroKernel.ROWS);
      panels = Math.ceilDiv(c.columns(), MicroKernel.COLUMNS);
      panelsInPlace = inPlace ? c.columns() / MicroKernel.COLUMNS : 0;
      panelsPacked = packB ? panels - panelsInPlace : 0;
      GemmBuffers buffers = GemmBuffers.ofThread();
      packedA = buffers.a(tiles * MicroKernel.ROWS * depth);
      packedB = buffers.b((long) (panels - panelsInPlace) * MicroKernel.COLUMNS * depth);
      tilesPerTask = Math.min(tiles, TILES_PER_TASK);
      long work = (long) tilesPerTask * MicroKernel.ROWS * MicroKernel.COLUMNS * depth;
      panelsPerTask = (int) Math.clamp(SMALLEST_TASK / work, 1, panels);
    }

    void run(WorkerPool pool) {
      int packers = Math.ceilDiv(tiles, tilesPerTask) + Math.ceilDiv(panelsPacked, panelsPerTask);
      int computers = Math.ceilDiv(tiles, tilesPerTask) * Math.ceilDiv(panels, panelsPerTask);
      forEach(pool, packers, this::pack);
      forEach(pool, computers, this::compute);
    }

    private static void forEach(WorkerPool pool, int tasks, IntConsumer task) {
      if (pool != null) {
        pool.run(tasks, task);
        return;
      }
      for (int i = 0; i < tasks; i++) {
        task.accept(i);
      }
    }

    private void pack(int task) {
      GemmBuffers buffers = GemmBuffers.ofThread();
      int blocksOfA = Math.ceilDiv(tiles, tilesPerTask);
      if (task < blocksOfA) {
        int end = Math.min(tiles, (task + 1) * tilesPerTask);
        for (int k = 0; k < depth; k += DEPTH) {
          int partDepth = Math.min(DEPTH, depth - k);
          for (int tile = task * tilesPerTask; tile < end; tile++) {
            Packing.panelOfA(a, tile * MicroKernel.ROWS, k, partDepth, packedA, startOfA(tile, k), buffers);
          }
        }
        return;
      }
      int first = panelsInPlace + (task - blocksOfA) * panelsPerTask;
      int end = Math.min(panels, first + panelsPerTask);
      for (int k = 0; k < depth; k += DEPTH) {
        int partDepth = Math.min(DEPTH, depth - k);
        for (int panel = first; panel < end; panel++) {
          Packing.panelOfB(b, panel * MicroKernel.COLUMNS, k, partDepth, startOfB(panel, k), buffers);
        }
      }
    }

    private int startOfA(int tile, int k) {
      int partDepth = Math.min(DEPTH, depth - k);
      return (tiles * k + tile * partDepth) * MicroKernel.ROWS;
    }

    private long startOfB(int panel, int k) {
      int partDepth = Math.min(DEPTH, depth - k);
      int packed = panels - panelsInPlace;
      return packedB + 4L * MicroKernel.COLUMNS * ((long) packed * k + (long) (panel - panelsInPlace) * partDepth);
    }

    private void compute(int task) {
      float[] tile = GemmBuffers.ofThread().tile;
      int blocks = Math.ceilDiv(tiles, tilesPerTask);
      int firstTile = task % blocks * tilesPerTask;
      int endTile = Math.min(tiles, firstTile + tilesPerTask);
      int firstPanel = task / blocks * panelsPerTask;
      int endPanel = Math.min(panels, firstPanel + panelsPerTask);
      for (int k = 0; k < depth; k += DEPTH) {
        int partDepth = Math.min(DEPTH, depth - k);
        float keep = k == 0 ? beta : 1;
        for (int panel = firstPanel; panel < endPanel; panel++) {
          boolean inPlace = panel < panelsInPlace;
          int column = panel * MicroKernel.COLUMNS;
          long from = inPlace ? b.addressOf(k, column) : startOfB(panel, k);
          long stride = 4 * (inPlace ? b.rowStride() : MicroKernel.COLUMNS);
          for (int i = firstTile; i < endTile; i++) {
            MicroKernel.multiply(partDepth, packedA, startOfA(i, k), from, stride, tile);
            WriteBack.tile(c, i * MicroKernel.ROWS, column, alpha, tile, keep);
          }
        }
      }
    }
  }
}
