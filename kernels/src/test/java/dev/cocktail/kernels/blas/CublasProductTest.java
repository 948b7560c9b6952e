package dev.cocktail.kernels.blas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.kernels.blas.Blas.Matrix;
import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.GpuInfo;
import dev.cocktail.kernels.driver.NativeStream;
import dev.cocktail.kernels.driver.PlanningDriver;
import dev.cocktail.kernels.testing.HostLibraries;
import dev.cocktail.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Row-major products through the calls to cuBLAS, by both ways of calling: a cuBLAS on the host's memory that keeps to
 * the column-major formula judges the order of arguments, the exchange of the operands, strides and types. Elements are
 * small whole numbers, so every sum is exact.
 */
class CublasProductTest {
  private static final GpuInfo GPU = new GpuInfo("planned", 0, 8, 0, 1, 99 << 10, 1L << 30, 12040);

  @TempDir private static Path folder;
  private static Map<String, Blas> libraries;

  private static Blas open(int cuda) {
    HostLibraries.cublas(folder, cuda);
    CublasLocator.Candidate candidate =
        new CublasLocator.Candidate(folder.resolve("libcublas.so." + cuda), "test", cuda, "");
    return CublasLoader.open(
        new CublasLocator.Found(java.util.List.of(candidate), java.util.List.of()), new PlanningDriver(GPU, 2 << 20));
  }

  @BeforeAll
  static void load() {
    libraries = Map.of("JCublas", open(12), "foreign", open(13));
  }

  @AfterAll
  static void close() {
    if (libraries != null) {
      libraries.values().forEach(Blas::close);
    }
  }

  static Stream<Arguments> products() {
    return Stream.of("JCublas", "foreign")
        .flatMap(library ->
            Stream.of(false, true)
                .flatMap(a ->
                    Stream.of(false, true)
                        .flatMap(b ->
                            Stream.of(DType.F32, DType.BF16, DType.F16)
                                .map(type -> Arguments.of(library, a, b, type)))));
  }

  /** A matrix in memory of the host, with room between its rows and before the next of the batch. */
  private record Stored(MemorySegment memory, Matrix matrix, long stride, int rows, int columns) {
    static Stored random(Arena arena, Random random, DType type, int rows, int columns, boolean transposed, int batch) {
      int storedRows = transposed ? columns : rows;
      int storedColumns = transposed ? rows : columns;
      int rowStride = storedColumns + random.nextInt(4);
      long stride = (long) storedRows * rowStride + random.nextInt(5);
      MemorySegment memory = arena.allocate(Math.max(1, batch * stride) * type.bytes(), 16);
      Stored stored =
          new Stored(memory, new Matrix(memory.address(), type, rowStride, transposed), stride, rows, columns);
      for (long i = 0; i < batch * stride; i++) {
        stored.set(i, random.nextInt(7) - 3);
      }
      return stored;
    }

    private long index(int batch, int row, int column) {
      long stored = matrix.transposed() ? column * matrix.rowStride() + row : row * matrix.rowStride() + column;
      return batch * stride + stored;
    }

    double get(int batch, int row, int column) {
      return get(index(batch, row, column));
    }

    double get(long i) {
      return switch (matrix.dtype()) {
        case F32 -> memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        case BF16 -> Float.intBitsToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
        default -> Float.float16ToFloat(memory.getAtIndex(ValueLayout.JAVA_SHORT, i));
      };
    }

    void set(long i, float value) {
      switch (matrix.dtype()) {
        case F32 -> memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
        case BF16 -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToIntBits(value) >>> 16));
        default -> memory.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(value));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("products")
  void everyShapeTransposeAndStride(String library, boolean transposeA, boolean transposeB, DType type) {
    Random random = new Random(7);
    for (int[] size : new int[][] {{1, 1, 1}, {1, 5, 3}, {4, 1, 2}, {3, 4, 1}, {2, 3, 5}, {7, 6, 4}}) {
      for (int batch : new int[] {1, 3}) {
        for (DType result : type == DType.F32 ? new DType[] {DType.F32} : new DType[] {type, DType.F32}) {
          for (double beta : new double[] {0, 1, -2}) {
            try (Arena arena = Arena.ofConfined()) {
              Stored a = Stored.random(arena, random, type, size[0], size[2], transposeA, batch);
              Stored b = Stored.random(arena, random, type, size[2], size[1], transposeB, batch);
              Stored c = Stored.random(arena, random, result, size[0], size[1], false, batch);
              assertProduct(libraries.get(library), a, b, c, batch, beta);
            }
          }
        }
      }
    }
  }

  private static void assertProduct(Blas blas, Stored a, Stored b, Stored c, int batch, double beta) {
    double[] expected = new double[(int) (batch * c.stride)];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = c.get(i);
    }
    for (int s = 0; s < batch; s++) {
      for (int i = 0; i < c.rows; i++) {
        for (int j = 0; j < c.columns; j++) {
          double sum = 0;
          for (int l = 0; l < a.columns; l++) {
            sum += a.get(s, i, l) * b.get(s, l, j);
          }
          int at = (int) c.index(s, i, j);
          expected[at] = 0.5 * sum + beta * expected[at];
        }
      }
    }
    blas.gemmBatched(
        c.rows, c.columns, a.columns, 0.5, a.matrix, a.stride, b.matrix, b.stride, beta, c.matrix, c.stride, batch,
        STREAM);
    for (int i = 0; i < expected.length; i++) {
      assertThat(c.get(i)).as("element %d of %s", i, c.matrix).isEqualTo(expected[i]);
    }
  }

  private static final GpuDriver.Stream STREAM = new NativeStream();

  @Test
  void saysWhichLibraryWorksAndHow() {
    assertThat(libraries.get("JCublas").description())
        .isEqualTo("cuBLAS 12.3.4 (%s through JCublas)".formatted(folder.resolve("libcublas.so.12")));
    assertThat(libraries.get("foreign").description())
        .isEqualTo("cuBLAS 13.3.4 (%s through foreign-function calls)".formatted(folder.resolve("libcublas.so.13")));
  }

  @Test
  void whatIsRefusedIsNamedInRowMajorTerms() {
    for (Blas blas : libraries.values()) {
      Matrix a = new Matrix(256, DType.F32, 5, false);
      Matrix tooNarrow = new Matrix(512, DType.F32, 3, false);
      Matrix c = new Matrix(1024, DType.F32, 4, false);
      assertThatThrownBy(() -> blas.gemm(2, 4, 5, 1, a, tooNarrow, 0, c, STREAM))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("product [2,4] = [2,5] (F32, rows of 5) x [5,4] (F32, rows of 3) into F32, rows of 4")
          .hasMessageContaining("CUBLAS_STATUS_INVALID_VALUE");
      assertThatThrownBy(() -> blas.gemm(2, 4, 5, 1, a, a, 0, new Matrix(1, DType.F32, 4, true), STREAM))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void sizesBeyondAnIntArriveWhole() {
    long many = 3L << 31;
    for (Blas blas : libraries.values()) {
      Matrix a = new Matrix(256, DType.F32, many - 1, false);
      Matrix b = new Matrix(512, DType.F32, 1, false);
      Matrix c = new Matrix(1024, DType.F32, 1, false);
      // Rows that are one too short for K: cut to 32 bits, they would be long enough.
      assertThatThrownBy(() -> blas.gemm(1, 1, many, 1, a, b, 0, c, STREAM))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("CUBLAS_STATUS_INVALID_VALUE");
    }
  }
}
