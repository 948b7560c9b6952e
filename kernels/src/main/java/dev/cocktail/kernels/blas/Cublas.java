package dev.cocktail.kernels.blas;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.NativeStream;
import dev.cocktail.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Products by cuBLAS. Sums are accumulated in F32 and partial sums are never rounded to a narrower type; F32 operands
 * are not shortened to TF32. The workspace is fixed and there is one stream, so equal calls give equal bits.
 */
final class Cublas implements Blas {
  /** Bytes of GPU memory that cuBLAS may use, what NVIDIA advises for Hopper. */
  static final long WORKSPACE_BYTES = 32L << 20;

  /** CUBLAS_DEFAULT_MATH, which never uses TF32, with CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION. */
  private static final int MATH_MODE = 16;

  private static final int COMPUTE_F32 = 68;
  private static final int DEFAULT_ALGORITHM = -1;
  private static final int ALLOCATION_FAILED = 3;
  private static final int EXECUTION_FAILED = 13;
  private static final int INTERNAL_ERROR = 14;

  private final boolean blocking = Boolean.getBoolean("cocktail.cuda.blocking");
  private final CublasLibrary library;
  private final String path;
  private final GpuDriver driver;
  private final long workspace;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment factors = arena.allocate(ValueLayout.JAVA_FLOAT, 2);
  private final int version;
  private GpuDriver.Stream stream;

  /**
   * A handle of the library in the driver's context.
   *
   * @param path of the library, for people
   * @throws GpuException when the library does not start there
   */
  Cublas(CublasLibrary library, String path, GpuDriver driver) {
    this.library = library;
    this.path = path;
    this.driver = driver;
    int status = library.create();
    if (status != 0) {
      arena.close();
      String hint = status == ALLOCATION_FAILED ? "; the GPU's memory may be full" : "";
      throw new GpuException("cublasCreate: " + library.describe(status) + hint);
    }
    try {
      this.version = library.version();
      check(library.setMathMode(MATH_MODE), "cublasSetMathMode");
      long bytes = (WORKSPACE_BYTES + driver.granularity() - 1) / driver.granularity() * driver.granularity();
      this.workspace = driver.reserve(bytes);
      driver.map(workspace, bytes);
    } catch (RuntimeException e) {
      library.destroy();
      arena.close();
      throw e;
    }
  }

  private void check(int status, String what) {
    if (status != 0) {
      throw new GpuException(what + ": " + library.describe(status));
    }
  }

  @Override
  public String description() {
    return "cuBLAS %d.%d.%d (%s through %s)"
        .formatted(version / 10_000, version / 100 % 100, version % 100, path, library.provider());
  }

  @Override
  public void gemmBatched(
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
      GpuDriver.Stream stream) {
    use(stream);
    var product = ColumnMajorProduct.of(m, n, k, alpha, a, strideA, b, strideB, beta, c, strideC, batch);
    factors.setAtIndex(ValueLayout.JAVA_FLOAT, 0, (float) alpha);
    factors.setAtIndex(ValueLayout.JAVA_FLOAT, 1, (float) beta);
    var types =
        new CublasLibrary.DataTypes(
            number(product.first().dtype()), number(product.second().dtype()), number(c.dtype()));
    int status =
        library.multiply(
            product.first().transposed() ? 1 : 0,
            product.second().transposed() ? 1 : 0,
            product,
            factors,
            types,
            COMPUTE_F32,
            DEFAULT_ALGORITHM);
    if (status != 0) {
      tellOfEarlierWork(status);
      throw new GpuException("cuBLAS refuses a %s: %s".formatted(product, library.describe(status)));
    }
    if (blocking) {
      try {
        driver.synchronize(stream);
      } catch (GpuException e) {
        throw new GpuException("a %s failed: %s".formatted(product, e.getMessage()), e);
      }
    }
  }

  /** Where cuBLAS could not run anything, a kernel that faulted before may be why: the driver then says so. */
  private void tellOfEarlierWork(int status) {
    if (status == EXECUTION_FAILED || status == INTERNAL_ERROR) {
      driver.synchronize(stream);
    }
  }

  /** Setting the stream makes cuBLAS forget its workspace, so both are set, and only when the stream is another one. */
  private void use(GpuDriver.Stream next) {
    if (next != stream) {
      check(library.setStream((NativeStream) next), "cublasSetStream");
      check(library.setWorkspace(workspace, WORKSPACE_BYTES), "cublasSetWorkspace");
      stream = next;
    }
  }

  /** A type's number in {@code cudaDataType}. */
  private static int number(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F16 -> 2;
      case BF16 -> 14;
      default -> throw new IllegalArgumentException("cuBLAS is not asked for products of " + dtype);
    };
  }

  /** Gives everything back; what a GPU that failed refuses goes with its context. */
  @Override
  public void close() {
    library.destroy();
    arena.close();
    driver.release(workspace);
  }
}
