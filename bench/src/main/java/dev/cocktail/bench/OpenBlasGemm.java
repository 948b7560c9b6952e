package dev.cocktail.bench;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Products by OpenBLAS: {@code cblas_sgemm} of the {@value #LIBRARY} that the system's loader finds. */
final class OpenBlasGemm implements GemmEngine {
  private static final String LIBRARY = "libopenblas.so.0";
  private static final int ROW_MAJOR = 101;
  private static final int NOT_TRANSPOSED = 111;
  private static final int TRANSPOSED = 112;

  private final Arena arena = Arena.ofShared();
  private final GemmCase shape;
  private final MethodHandle sgemm;
  private final MemorySegment a;
  private final MemorySegment b;
  private final MemorySegment c;

  OpenBlasGemm(GemmCase.Product product, int threads) {
    shape = product.shape();
    if (shape.typeB() != DType.F32) {
      throw new IllegalArgumentException("OpenBLAS is asked for F32 only, not for " + shape.name());
    }
    SymbolLookup symbols = SymbolLookup.libraryLookup(LIBRARY, arena);
    var i = ValueLayout.JAVA_INT;
    var f = ValueLayout.JAVA_FLOAT;
    var p = ValueLayout.ADDRESS;
    Linker linker = Linker.nativeLinker();
    sgemm =
        linker.downcallHandle(
            symbols.findOrThrow("cblas_sgemm"), FunctionDescriptor.ofVoid(i, i, i, i, i, i, f, p, i, p, i, f, p, i));
    MethodHandle setThreads =
        linker.downcallHandle(symbols.findOrThrow("openblas_set_num_threads"), FunctionDescriptor.ofVoid(i));
    try {
      setThreads.invokeExact(threads);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    a = copy(product.a());
    b = copy(product.b());
    c = copy(product.c());
    product.verify(this::multiply, () -> c.toArray(ValueLayout.JAVA_FLOAT));
  }

  private MemorySegment copy(Tensor tensor) {
    MemorySegment copy = arena.allocate(4 * tensor.elements(), 64);
    return copy.copyFrom(MemorySegment.ofArray(tensor.toFloats()));
  }

  @Override
  public void multiply() {
    try {
      sgemm.invokeExact(
          ROW_MAJOR,
          shape.transposeA() ? TRANSPOSED : NOT_TRANSPOSED,
          shape.transposeB() ? TRANSPOSED : NOT_TRANSPOSED,
          shape.m(),
          shape.n(),
          shape.k(),
          1f,
          a,
          shape.transposeA() ? shape.m() : shape.k(),
          b,
          shape.transposeB() ? shape.k() : shape.n(),
          (float) shape.beta(),
          c,
          shape.n());
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
