package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.blas.Blas;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Matrix products by the CPU device, with sums in F32 that are rounded once to C's type. Operands are read and written
 * as a kernel would: what must not be touched is an {@link EmulatorFault}.
 */
public final class EmulatedBlas implements Blas {
  private final GlobalMemory memory;
  private final IssuedWork work;
  private final CpuDevice processor = new CpuDevice(2);

  /** Products in the memory of a driver. */
  public EmulatedBlas(EmulatedDriver driver) {
    memory = driver.memory();
    work = driver.work();
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
    requireTypes(a, b, c);
    if (m < 1 || n < 1 || k < 1 || batch < 1 || c.transposed()) {
      throw new GpuException("no product of %d x %d x %d, %d times".formatted(m, n, k, batch));
    }
    work.issue(
        stream,
        () -> {
          for (int i = 0; i < batch; i++) {
            multiply(m, n, k, alpha, behind(a, i * strideA), behind(b, i * strideB), beta, behind(c, i * strideC));
          }
        });
  }

  private static void requireTypes(Matrix a, Matrix b, Matrix c) {
    DType type = a.dtype();
    boolean known = type == DType.F32 || type == DType.BF16 || type == DType.F16;
    if (!known || b.dtype() != type || (c.dtype() != type && c.dtype() != DType.F32)) {
      throw new GpuException("no product of " + type + " and " + b.dtype() + " into " + c.dtype());
    }
  }

  private static Matrix behind(Matrix x, long elements) {
    return new Matrix(x.address() + elements * x.dtype().bytes(), x.dtype(), x.rowStride(), x.transposed());
  }

  private void multiply(long m, long n, long k, double alpha, Matrix a, Matrix b, double beta, Matrix c) {
    try (Arena arena = Arena.ofShared()) {
      Tensor left = read(arena, "A", a, a.transposed() ? k : m, a.transposed() ? m : k);
      Tensor right = read(arena, "B", b, b.transposed() ? n : k, b.transposed() ? k : n);
      Tensor sums = Tensor.onHost(DType.F32, Shape.of(m, n), arena.allocate(4 * m * n, 64));
      if (beta != 0) {
        Tensor old = read(arena, "C", c, m, n);
        for (long i = 0; i < m * n; i++) {
          sums.segment().set(ValueLayout.JAVA_FLOAT, 4 * i, element(old, i));
        }
      }
      processor.ops().gemm(sums, alpha, left, a.transposed(), right, b.transposed(), beta);
      write(arena, c, sums, m, n);
    }
  }

  private static void requireLayout(String name, Matrix x, long columns) {
    if (x.rowStride() < columns) {
      throw new EmulatorFault(
          "matrix product: rows of %s are %d elements apart and have %d".formatted(name, x.rowStride(), columns));
    }
    if (x.address() % x.dtype().bytes() != 0) {
      throw new EmulatorFault("matrix product: %s at 0x%x is misaligned".formatted(name, x.address()));
    }
  }

  private Tensor read(Arena arena, String name, Matrix x, long rows, long columns) {
    requireLayout(name, x, columns);
    int bytes = x.dtype().bytes();
    MemorySegment target = arena.allocate(rows * columns * bytes, 64);
    for (long row = 0; row < rows; row++) {
      memory.read(
          "matrix product: row " + row + " of " + name,
          x.address() + row * x.rowStride() * bytes,
          target.asSlice(row * columns * bytes, columns * bytes));
    }
    return Tensor.onHost(x.dtype(), Shape.of(rows, columns), target);
  }

  private static float element(Tensor x, long index) {
    return switch (x.dtype()) {
      case BF16 -> DType.bf16ToFloat(x.segment().getAtIndex(ValueLayout.JAVA_SHORT, index));
      case F16 -> DType.f16ToFloat(x.segment().getAtIndex(ValueLayout.JAVA_SHORT, index));
      default -> x.segment().getAtIndex(ValueLayout.JAVA_FLOAT, index);
    };
  }

  private void write(Arena arena, Matrix c, Tensor sums, long m, long n) {
    requireLayout("C", c, n);
    MemorySegment result = sums.segment();
    int bytes = c.dtype().bytes();
    if (c.dtype() != DType.F32) {
      result = arena.allocate(bytes * m * n, 64);
      for (long i = 0; i < m * n; i++) {
        float sum = element(sums, i);
        short rounded = c.dtype() == DType.BF16 ? DType.floatToBf16(sum) : DType.floatToF16(sum);
        result.setAtIndex(ValueLayout.JAVA_SHORT, i, rounded);
      }
    }
    for (long row = 0; row < m; row++) {
      memory.write(
          "matrix product: row " + row + " of C",
          c.address() + row * c.rowStride() * bytes,
          result.asSlice(row * n * bytes, n * bytes));
    }
  }

  @Override
  public void close() {
    work.finishAll();
    processor.close();
  }
}
