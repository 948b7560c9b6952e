package dev.cocktail.tensor.cpu;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.util.function.IntConsumer;

/**
 * Matrix products {@code C = alpha A B + beta C} in F32: A [M,K] and B [K,N] are F32, BF16 or F16 in any layout, C
 * [M,N] is F32 with contiguous rows. With beta = 0, C is only written; with alpha = 0 or K = 0, A and B are not read.
 * For every element of C the order of summation is fixed by shapes, types and layouts: it does not depend on the number
 * of threads.
 *
 * <p>Large products follow Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008): all of A
 * is packed into panels on all threads, then each task packs a few panels of B for itself and computes tiles of C from
 * both by {@link MicroKernel}. Products of few rows or columns along contiguous k go to {@link DotProducts}, which
 * packs nothing.
 */
final class Gemm {
  /**
   * Largest depth of a panel. A panel of B (512 x 48 floats, 96 KiB) then lies in the second-level cache, from where it
   * streams while an 8-row panel of A (16 KiB) stays in the first level; less depth means more passes over C, and was
   * measured to be slower (256: by 3 in a hundred).
   */
  static final int DEPTH = 512;

  /** k is taken in groups of so many panels' depth, packed together, so that most products pack once. */
  private static final int DEPTH_OF_GROUP = 4 * DEPTH;

  /** Tiles of rows of A that one task packs. */
  private static final int TILES_PER_PACKER = 16;

  /**
   * Most panels of B that a task packs at a time. At full depth four are 384 KiB of a second-level cache, and an 8-row
   * panel of A, which comes from the third level, is used for all of them while it is in the first.
   */
  private static final int MOST_PANELS = 4;

  /** As many tasks a thread, where there are enough rows and columns, so that none waits long for the last one. */
  private static final int TASKS_PER_THREAD = 8;

  /**
   * Fewest tiles of rows for which a task packs panels of B. An element of B then meets 256 rows, in eight cycles or,
   * where one vector is multiplied in a cycle, sixteen; its packing takes up to one.
   */
  private static final int FEWEST_TILES = 32;

  /** Multiply-adds below which a task is not worth claiming: some 10 microseconds. */
  private static final long SMALLEST_TASK = 1L << 20;

  /** Multiply-adds below which waking other threads costs more than it saves. */
  private static final long SMALLEST_SHARED = 1L << 17;

  /** Floats of packed A: 12 MiB when the whole processor works on it, 1 MiB inside a task. */
  private static final int SHARED_CAPACITY = 3 << 20;

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

  /** The product in chunks whose packed A fits the buffer. */
  private static void packed(Matrix c, float alpha, Matrix a, Matrix b, float beta, WorkerPool pool) {
    int capacity = pool == null ? TASK_CAPACITY : SHARED_CAPACITY;
    int depth = a.columns();
    int groupDepth = Math.min(depth, DEPTH_OF_GROUP);
    int most = Math.max(MicroKernel.ROWS, capacity / groupDepth / MicroKernel.ROWS * MicroKernel.ROWS);
    // Every chunk packs B once more, so that chunks are of equal size rather than one of them small.
    int rows = roundUp(Math.ceilDiv(c.rows(), Math.ceilDiv(c.rows(), most)), MicroKernel.ROWS);
    for (int k = 0; k < depth; k += DEPTH_OF_GROUP) {
      int chunkDepth = Math.min(DEPTH_OF_GROUP, depth - k);
      Matrix partOfB = b.part(k, chunkDepth, 0, c.columns());
      for (int i = 0; i < c.rows(); i += rows) {
        int chunkRows = Math.min(rows, c.rows() - i);
        new Chunk(
                c.part(i, chunkRows, 0, c.columns()),
                alpha,
                a.part(i, chunkRows, k, chunkDepth),
                partOfB,
                k == 0 ? beta : 1,
                pool)
            .run();
      }
    }
  }

  private static int roundUp(int value, int unit) {
    return Math.ceilDiv(value, unit) * unit;
  }

  /** One product whose packed A fits the buffer: packs it, then computes tiles. */
  private static final class Chunk {
    private final Matrix c;
    private final float alpha;
    private final Matrix a;
    private final Matrix b;
    private final float beta;
    private final WorkerPool pool;
    private final int depth;
    private final int tiles;
    private final int panels;

    /** Whole panels of B that are read where they lie. */
    private final int panelsInPlace;

    private final float[] packedA;
    private final int tilesPerTask;
    private final int panelsPerTask;

    /** With a pool for its tasks, or null for the calling thread alone. */
    Chunk(Matrix c, float alpha, Matrix a, Matrix b, float beta, WorkerPool pool) {
      this.c = c;
      this.alpha = alpha;
      this.a = a;
      this.b = b;
      this.beta = beta;
      this.pool = pool;
      depth = a.columns();
      tiles = Math.ceilDiv(c.rows(), MicroKernel.ROWS);
      panels = Math.ceilDiv(c.columns(), MicroKernel.COLUMNS);
      boolean inPlace = tiles <= FEW_TILES && b.type() == DType.F32 && b.columnStride() == 1;
      panelsInPlace = inPlace ? c.columns() / MicroKernel.COLUMNS : 0;
      packedA = GemmBuffers.ofThread().a(tiles * MicroKernel.ROWS * depth);
      int tasks = pool == null ? 1 : TASKS_PER_THREAD * pool.threads();
      panelsPerTask = Math.max(Math.clamp(panels / tasks, 1, MOST_PANELS), worthwhile(tiles, panels));
      int groups = Math.ceilDiv(panels, panelsPerTask);
      int blocks = Math.clamp(Math.ceilDiv(tasks, groups), 1, Math.max(1, tiles / FEWEST_TILES));
      tilesPerTask = Math.ceilDiv(tiles, blocks);
    }

    /** Panels of B that make a task of a worthwhile size. */
    private int worthwhile(int tilesOfTask, int most) {
      long work = (long) tilesOfTask * MicroKernel.ROWS * MicroKernel.COLUMNS * depth;
      return (int) Math.clamp(SMALLEST_TASK / work, 1, most);
    }

    void run() {
      forEach(Math.ceilDiv(tiles, TILES_PER_PACKER), this::packA);
      forEach(Math.ceilDiv(tiles, tilesPerTask) * Math.ceilDiv(panels, panelsPerTask), this::compute);
    }

    private void forEach(int tasks, IntConsumer task) {
      if (pool != null) {
        pool.run(tasks, task);
        return;
      }
      for (int i = 0; i < tasks; i++) {
        task.accept(i);
      }
    }

    private void packA(int task) {
      GemmBuffers buffers = GemmBuffers.ofThread();
      int end = Math.min(tiles, (task + 1) * TILES_PER_PACKER);
      for (int k = 0; k < depth; k += DEPTH) {
        int partDepth = Math.min(DEPTH, depth - k);
        for (int tile = task * TILES_PER_PACKER; tile < end; tile++) {
          Packing.panelOfA(a, tile * MicroKernel.ROWS, k, partDepth, packedA, startOfA(tile, k), buffers);
        }
      }
    }

    private int startOfA(int tile, int k) {
      int partDepth = Math.min(DEPTH, depth - k);
      return (tiles * k + tile * partDepth) * MicroKernel.ROWS;
    }

    private void compute(int task) {
      GemmBuffers buffers = GemmBuffers.ofThread();
      int blocks = Math.ceilDiv(tiles, tilesPerTask);
      int firstTile = task % blocks * tilesPerTask;
      int endTile = Math.min(tiles, firstTile + tilesPerTask);
      int firstPanel = task / blocks * panelsPerTask;
      int endPanel = Math.min(panels, firstPanel + panelsPerTask);
      int firstPacked = Math.max(firstPanel, panelsInPlace);
      int mostDepth = Math.min(depth, DEPTH);
      long packedB = buffers.b((long) Math.max(0, endPanel - firstPacked) * MicroKernel.COLUMNS * mostDepth);
      for (int k = 0; k < depth; k += DEPTH) {
        int partDepth = Math.min(DEPTH, depth - k);
        float keep = k == 0 ? beta : 1;
        long panelBytes = 4L * MicroKernel.COLUMNS * partDepth;
        if (firstPacked < endPanel) {
          int column = firstPacked * MicroKernel.COLUMNS;
          Packing.panelsOfB(b, column, endPanel - firstPacked, k, partDepth, packedB, buffers);
        }
        for (int i = firstTile; i < endTile; i++) {
          for (int panel = firstPanel; panel < endPanel; panel++) {
            boolean inPlace = panel < panelsInPlace;
            int column = panel * MicroKernel.COLUMNS;
            long from = inPlace ? b.addressOf(k, column) : packedB + (panel - firstPacked) * panelBytes;
            long stride = 4 * (inPlace ? b.rowStride() : MicroKernel.COLUMNS);
            MicroKernel.multiply(partDepth, packedA, startOfA(i, k), from, stride, buffers.tile);
            WriteBack.tile(c, i * MicroKernel.ROWS, column, alpha, buffers.tile, keep);
          }
        }
      }
    }
  }
}
