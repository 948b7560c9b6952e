package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.blas.Blas.Matrix;

/**
 * A batch of products in cuBLAS's terms. cuBLAS thinks in columns: what lies in memory as a row-major matrix with a
 * distance of s between rows is to it the transposed matrix with leading dimension s. So the row-major {@code C = op(A)
 * op(B)} is asked for as {@code C^T = op(B)^T op(A)^T}: the operands change places, M and N change places, and each
 * operand keeps its flag, because it is transposed once by how it is seen and once by the formula.
 *
 * @param m rows of C^T: N
 * @param n columns of C^T: M
 * @param k inner length
 * @param first B
 * @param firstStride elements from one B of the batch to the next
 * @param second A
 * @param secondStride elements from one A of the batch to the next
 * @param c the result
 * @param resultStride elements from one C of the batch to the next
 * @param batch number of products
 */
record ColumnMajorProduct(
    long m,
    long n,
    long k,
    double alpha,
    Matrix first,
    long firstStride,
    Matrix second,
    long secondStride,
    double beta,
    Matrix c,
    long resultStride,
    int batch) {

  /** The row-major product {@code C = alpha op(A) op(B) + beta C} of {@link Blas#gemmBatched}. */
  static ColumnMajorProduct of(
      long m,
      long n,
      long k,
      double alpha,
      Matrix a,
      long strideA,
      Matrix b,
      long strideB,
      double beta,
      Matrix c,
      long strideC,
      int batch) {
    if (c.transposed()) {
      throw new IllegalArgumentException("the result of a product is never transposed");
    }
    return new ColumnMajorProduct(n, m, k, alpha, b, strideB, a, strideA, beta, c, strideC, batch);
  }

  private static String text(Matrix x) {
    return x.dtype() + (x.transposed() ? " transposed" : "") + ", rows of " + x.rowStride();
  }

  /** In row-major terms, for messages. */
  @Override
  public String toString() {
    return "product [%d,%d] = [%d,%d] (%s) x [%d,%d] (%s) into %s%s"
        .formatted(n, m, n, k, text(second), k, m, text(first), text(c), batch == 1 ? "" : ", " + batch + " times");
  }
}
