package dev.cocktail.kernels.blas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.cocktail.kernels.driver.NativeLibrary;
import dev.cocktail.kernels.driver.NativeLibrary.UnavailableException;
import dev.cocktail.kernels.driver.NativeStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.function.IntFunction;

/** cuBLAS of any CUDA from 12 on through the JDK's foreign-function interface. */
final class ForeignCublas implements CublasLibrary {
  /** The parameters of {@code cublasGemmStridedBatchedEx_64} as cublas_api.h declares them. */
  private static final MemoryLayout[] GEMM = {
    ADDRESS, // handle
    JAVA_INT, // transa
    JAVA_INT, // transb
    JAVA_LONG, // m
    JAVA_LONG, // n
    JAVA_LONG, // k
    ADDRESS, // alpha
    JAVA_LONG, // A, on the GPU
    JAVA_INT, // Atype
    JAVA_LONG, // lda
    JAVA_LONG, // strideA
    JAVA_LONG, // B, on the GPU
    JAVA_INT, // Btype
    JAVA_LONG, // ldb
    JAVA_LONG, // strideB
    ADDRESS, // beta
    JAVA_LONG, // C, on the GPU
    JAVA_INT, // Ctype
    JAVA_LONG, // ldc
    JAVA_LONG, // strideC
    JAVA_LONG, // batchCount
    JAVA_INT, // computeType
    JAVA_INT, // algo
  };

  private final NativeLibrary.Function create;
  private final NativeLibrary.Function destroy;
  private final NativeLibrary.Function getVersion;
  private final NativeLibrary.Function setStream;
  private final NativeLibrary.Function setWorkspace;
  private final NativeLibrary.Function setMathMode;
  private final NativeLibrary.Function gemm;
  private final IntFunction<String> statusName;
  private MemorySegment handle = MemorySegment.NULL;

  /**
   * The functions of a loaded library.
   *
   * @throws UnavailableException when it lacks one
   */
  ForeignCublas(NativeLibrary library) throws UnavailableException {
    this.create = library.function("cublasCreate_v2", ADDRESS);
    this.destroy = library.function("cublasDestroy_v2", ADDRESS);
    this.getVersion = library.function("cublasGetVersion_v2", ADDRESS, ADDRESS);
    this.setStream = library.function("cublasSetStream_v2", ADDRESS, JAVA_LONG);
    this.setWorkspace = library.function("cublasSetWorkspace_v2", ADDRESS, JAVA_LONG, JAVA_LONG);
    this.setMathMode = library.function("cublasSetMathMode", ADDRESS, JAVA_INT);
    this.gemm = library.function("cublasGemmStridedBatchedEx_64", GEMM);
    this.statusName = library.textOf("cublasGetStatusName");
  }

  @Override
  public String provider() {
    return "foreign-function calls";
  }

  @Override
  public int create() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(ADDRESS);
      int status = create.call(result);
      handle = result.get(ADDRESS, 0);
      return status;
    }
  }

  @Override
  public int version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      return getVersion.call(handle, result) == 0 ? result.get(JAVA_INT, 0) : 0;
    }
  }

  @Override
  public int setStream(NativeStream stream) {
    return setStream.call(handle, stream.handle());
  }

  @Override
  public int setWorkspace(long address, long bytes) {
    return setWorkspace.call(handle, address, bytes);
  }

  @Override
  public int setMathMode(int mode) {
    return setMathMode.call(handle, mode);
  }

  @Override
  public int multiply(
      int firstTransposed,
      int secondTransposed,
      ColumnMajorProduct product,
      MemorySegment factors,
      DataTypes dataTypes,
      int computeType,
      int algorithm) {
    return gemm.call(
        handle,
        firstTransposed,
        secondTransposed,
        product.m(),
        product.n(),
        product.k(),
        factors,
        product.first().address(),
        dataTypes.first(),
        product.first().rowStride(),
        product.firstStride(),
        product.second().address(),
        dataTypes.second(),
        product.second().rowStride(),
        product.secondStride(),
        factors.asSlice(Float.BYTES),
        product.c().address(),
        dataTypes.result(),
        product.c().rowStride(),
        product.resultStride(),
        (long) product.batch(),
        computeType,
        algorithm);
  }

  @Override
  public String describe(int status) {
    return statusName.apply(status);
  }

  @Override
  public int destroy() {
    return destroy.call(handle);
  }
}
