package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.tensor.DType;

/**
 * Matrix products as cuBLAS offers them, in row-major terms: {@code C = alpha op(A) op(B) + beta C} with op(A) [M,K],
 * op(B) [K,N], C [M,N], all in GPU memory. Sums are accumulated in F32 without shortening F32 operands, and equal calls
 * give equal bits.
 *
 * @throws dev.cocktail.kernels.driver.GpuException (all methods) when the library refuses
 */
public interface Blas extends AutoCloseable {
  /** A matrix in GPU memory: the address of its first element, its type, and the distance of its rows in elements. */
  record Matrix(long address, DType dtype, long rowStride, boolean transposed) {}

  /** Which library does the work, in which version, from where. */
  String description();

  /**
   * One product. A and B have one type, F32, BF16 or F16; C has that type or F32. With beta = 0, C is only written. M,
   * N and K are at least 1.
   *
   * @param a stored [M,K], or [K,M] when transposed
   * @param b stored [K,N], or [N,K] when transposed
   * @param c stored [M,N], never transposed
   */
  default void gemm(
      long m, long n, long k, double alpha, Matrix a, Matrix b, double beta, Matrix c, GpuDriver.Stream stream) {
    gemmBatched(m, n, k, alpha, a, 0, b, 0, beta, c, 0, 1, stream);
  }

  /** As many products as {@code batch}; the strides lead from one's matrix to the next's, in elements. */
  void gemmBatched(
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
      int batch,
      GpuDriver.Stream stream);

  @Override
  void close();
}
