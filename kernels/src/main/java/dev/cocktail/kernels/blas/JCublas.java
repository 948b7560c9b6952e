package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuPointer;
import dev.cocktail.kernels.driver.HostPointer;
import dev.cocktail.kernels.driver.JCudaNatives;
import dev.cocktail.kernels.driver.NativeLibrary;
import dev.cocktail.kernels.driver.NativeLibrary.UnavailableException;
import dev.cocktail.kernels.driver.NativeStream;
import java.lang.foreign.MemorySegment;
import java.util.function.IntFunction;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

/** CUDA 12's cuBLAS through JCublas. */
final class JCublas implements CublasLibrary {
  private final cublasHandle handle = new cublasHandle();
  private final IntFunction<String> statusName;

  /**
   * JCublas over a library that is loaded already, so that JCublas's own library finds it by its name.
   *
   * @throws UnavailableException when JCublas does not load over it
   */
  JCublas(NativeLibrary library) throws UnavailableException {
    this.statusName = library.textOf("cublasGetStatusName");
    try {
      JCudaNatives.load(JCublas2::initialize);
    } catch (LinkageError e) {
      throw new UnavailableException(
          "JCublas does not load: " + String.valueOf(e.getMessage()).lines().findFirst().orElse(""), e);
    }
  }

  @Override
  public String provider() {
    return "JCublas";
  }

  @Override
  public int create() {
    return JCublas2.cublasCreate(handle);
  }

  @Override
  public int version() {
    int[] version = {0};
    return JCublas2.cublasGetVersion(handle, version) == 0 ? version[0] : 0;
  }

  @Override
  public int setStream(NativeStream stream) {
    return JCublas2.cublasSetStream(handle, new cudaStream_t(stream));
  }

  @Override
  public int setWorkspace(long address, long bytes) {
    return JCublas2.cublasSetWorkspace(handle, new GpuPointer(address), bytes);
  }

  @Override
  public int setMathMode(int mode) {
    return JCublas2.cublasSetMathMode(handle, mode);
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
    return JCublas2.cublasGemmStridedBatchedEx_64_new(
        handle,
        firstTransposed,
        secondTransposed,
        product.m(),
        product.n(),
        product.k(),
        new HostPointer(factors),
        new GpuPointer(product.first().address()),
        dataTypes.first(),
        product.first().rowStride(),
        product.firstStride(),
        new GpuPointer(product.second().address()),
        dataTypes.second(),
        product.second().rowStride(),
        product.secondStride(),
        new HostPointer(factors.asSlice(Float.BYTES)),
        new GpuPointer(product.c().address()),
        dataTypes.result(),
        product.c().rowStride(),
        product.resultStride(),
        product.batch(),
        computeType,
        algorithm);
  }

  @Override
  public String describe(int status) {
    return statusName.apply(status);
  }

  @Override
  public int destroy() {
    return JCublas2.cublasDestroy(handle);
  }
}
