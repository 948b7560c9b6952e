package dev.cocktail.tensor.cpu;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * Matrix products {@code C = alpha A B + beta C} in F32: A [M,K] and B [K,N] are F32, BF16 or F16 in any layout, C [M,N]
 * is F32 with contiguous rows. With beta = 0, C is only written; with alpha = 0 or K = 0, A and B are not read. For every
 * element of C the order of summation is fixed by the shapes: it does not depend on the number of threads.
 */
final class Gemm {
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
    pool.run(c.rows(), row -> rows(c, alpha, a, b, beta, row, row + 1));
  }

  /** {@code C = alpha A B + beta C} on the calling thread alone, for use inside a task of the pool. */
  void runInTask(Matrix c, double alpha, Matrix a, Matrix b, double beta) {
    requireFitting(c, a, b);
    rows(c, alpha, a, b, beta, 0, c.rows());
  }

  private static void rows(Matrix c, double alpha, Matrix a, Matrix b, double beta, int from, int to) {
    for (int i = from; i < to; i++) {
      for (int j = 0; j < c.columns(); j++) {
        float sum = 0;
        for (int k = 0; alpha != 0 && k < a.columns(); k++) {
          sum = Math.fma(load(a, i, k), load(b, k, j), sum);
        }
        float old = beta == 0 ? 0 : (float) beta * load(c, i, j);
        Lanes.MEMORY.set(ValueLayout.JAVA_FLOAT_UNALIGNED, c.addressOf(i, j), (float) alpha * sum + old);
      }
    }
  }

  private static float load(Matrix matrix, int row, int column) {
    long address = matrix.addressOf(row, column);
    return switch (matrix.type()) {
      case F32 -> Lanes.MEMORY.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address);
      case BF16 -> DType.bf16ToFloat(Lanes.MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, address));
      case F16 -> DType.f16ToFloat(Lanes.MEMORY.get(ValueLayout.JAVA_SHORT_UNALIGNED, address));
      default -> throw new IllegalArgumentException("cannot multiply " + matrix);
    };
  }

  private static void requireFitting(Matrix c, Matrix a, Matrix b) {
    if (a.columns() != b.rows() || c.rows() != a.rows() || c.columns() != b.columns()) {
      throw new IllegalArgumentException("shapes do not fit: C " + c + " = op(A) " + a + " op(B) " + b);
    }
    if (c.type() != DType.F32 || c.columnStride() != 1) {
      throw new IllegalArgumentException("C must be F32 with contiguous rows, this is " + c);
    }
  }
}
