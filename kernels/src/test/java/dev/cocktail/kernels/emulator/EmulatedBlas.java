package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The processor's matrix products on emulated memory: accumulated in F32, the result rounded to C's type. */
public final class EmulatedBlas implements Blas {
  private final GlobalMemory memory;
  private final CpuDevice cpu = new CpuDevice();

  /** Products on the memory of an emulated GPU. */
  public EmulatedBlas(EmulatedDriver driver) {
    this.memory = driver.memory();
  }

  @Override
  public String description() {
    return "emulated products";
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
    if (m < 1 || n < 1 || k < 1 || batch < 1) {
      throw new EmulatorFault("a product of %d x %d x %d, %d times".formatted(m, n, k, batch));
    }
    boolean known = a.dtype() == DType.F32 || a.dtype() == DType.BF16 || a.dtype() == DType.F16;
    if (!known || a.dtype() != b.dtype() || (c.dtype() != a.dtype() && c.dtype() != DType.F32) || c.transposed()) {
      throw new EmulatorFault("no product of %s and %s into %s".formatted(a, b, c));
    }
    for (int i = 0; i < batch; i++) {
      try (Arena arena = Arena.ofConfined()) {
        Tensor left = read(arena, a, i * strideA, a.transposed() ? k : m, a.transposed() ? m : k, true);
        Tensor right = read(arena, b, i * strideB, b.transposed() ? n : k, b.transposed() ? k : n, true);
        Tensor sum = Tensor.onHost(DType.F32, Shape.of(m, n), arena.allocate(m * n * 4, 64));
        if (beta != 0) {
          cpu.ops().cast(sum, read(arena, c, i * strideC, m, n, true));
        }
        cpu.ops().gemm(sum, (float) alpha, left, a.transposed(), right, b.transposed(), (float) beta);
        Tensor result = sum;
        if (c.dtype() != DType.F32) {
          result = Tensor.onHost(c.dtype(), Shape.of(m, n), arena.allocate(m * n * 2, 64));
          cpu.ops().cast(result, sum);
        }
        write(c, i * strideC, result);
      }
    }
  }

  private Tensor read(Arena arena, Matrix matrix, long offset, long rows, long columns, boolean written) {
    requireStride(matrix, columns);
    int size = matrix.dtype().bytes();
    MemorySegment host = arena.allocate(rows * columns * size, 64);
    for (long row = 0; row < rows; row++) {
      long address = matrix.address() + (offset + row * matrix.rowStride()) * size;
      memory.read(address, host.asSlice(row * columns * size, columns * size), written);
    }
    return Tensor.onHost(matrix.dtype(), Shape.of(rows, columns), host);
  }

  private static void requireStride(Matrix matrix, long columns) {
    if (matrix.rowStride() < columns) {
      throw new EmulatorFault(matrix + " has rows closer together than their " + columns + " elements");
    }
  }

  private void write(Matrix matrix, long offset, Tensor values) {
    requireStride(matrix, values.dim(1));
    int size = matrix.dtype().bytes();
    for (long row = 0; row < values.dim(0); row++) {
      long address = matrix.address() + (offset + row * matrix.rowStride()) * size;
      memory.write(address, values.rows(row, 1).segment());
    }
  }

  @Override
  public void close() {
    cpu.close();
  }
}
