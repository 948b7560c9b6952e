package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.NativeStream;
import java.lang.foreign.MemorySegment;

/**
 * The few functions of cuBLAS that are needed, however they are called. All but {@link #version} and {@link #describe}
 * return cuBLAS's status, 0 for success. They exist with these signatures from CUDA 12 on.
 */
interface CublasLibrary {
  /** How the library is called: {@code JCublas} or {@code foreign-function calls}. */
  String provider();

  /** {@code cublasCreate_v2}, in the current context; the handle is kept. */
  int create();

  /** {@code cublasGetVersion_v2} as 10000 major + 100 minor + patch: 120604; 0 when unknown. */
  int version();

  /** {@code cublasSetStream_v2}; also forgets the workspace. */
  int setStream(NativeStream stream);

  /** {@code cublasSetWorkspace_v2}. */
  int setWorkspace(long address, long bytes);

  /** {@code cublasSetMathMode}. */
  int setMathMode(int mode);

  /**
   * {@code cublasGemmStridedBatchedEx_64}.
   *
   * @param firstTransposed {@code transa}, 0 or 1
   * @param secondTransposed {@code transb}, 0 or 1
   * @param factors native: alpha and beta behind each other, F32
   * @param dataTypes of first, second and result as {@code cudaDataType}
   */
  int multiply(
      int firstTransposed,
      int secondTransposed,
      ColumnMajorProduct product,
      MemorySegment factors,
      DataTypes dataTypes,
      int computeType,
      int algorithm);

  /** Numbers of {@code cudaDataType}. */
  record DataTypes(int first, int second, int result) {}

  /** {@code cublasGetStatusName}. */
  String describe(int status);

  /** {@code cublasDestroy_v2}. */
  int destroy();
}
