package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GemmTest {
  private static final DType[] TYPES = {DType.F32, DType.BF16, DType.F16};
  private static final double EPSILON = 0x1p-24;

  private final Random random = new Random(7);
  private CpuDevice device;
  private TensorArena arena;

  @BeforeEach
  void open() {
    device = new CpuDevice(2);
    arena = device.openArena("test");
  }

  @AfterEach
  void close() {
    arena.close();
    device.close();
  }

  private Tensor matrix(DType type, int rows, int columns) {
    Tensor tensor = arena.allocate(type, rows, columns);
    for (int i = 0; i < rows * columns; i++) {
      tensor.set(i, random.nextGaussian());
    }
    return tensor;
  }

  private Tensor operand(DType type, int rows, int columns, boolean transposed) {
    return transposed ? matrix(type, columns, rows) : matrix(type, rows, columns);
  }

  private static double get(Tensor tensor, boolean transposed, int row, int column) {
    return tensor.get(transposed ? column * tensor.dim(1) + row : row * tensor.dim(1) + column);
  }

  private static double[] doubles(Tensor tensor, boolean transposed, int rows, int columns) {
    double[] values = new double[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = get(tensor, transposed, i / columns, i % columns);
    }
    return values;
  }

  /** Multiplies, and compares with double precision; a sum of K products of n roundings errs by n epsilon sum |a b|. */
  private void check(
      int m,
      int n,
      int k,
      DType typeA,
      boolean transposeA,
      DType typeB,
      boolean transposeB,
      double alpha,
      double beta) {
    Tensor a = operand(typeA, m, k, transposeA);
    Tensor b = operand(typeB, k, n, transposeB);
    Tensor c = matrix(DType.F32, m, n);
    float[] before = c.toFloats();
    double[] rowsOfA = doubles(a, transposeA, m, k);
    double[] columnsOfB = doubles(b, !transposeB, n, k);
    if (beta == 0) {
      c.segment().fill((byte) 0xFF);
    }
    device.ops().gemm(c, alpha, a, transposeA, b, transposeB, beta);
    String what = m + "x" + n + "x" + k + " " + a + transposeA + " " + b + transposeB + " " + alpha + " " + beta;
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        double magnitude = 0;
        for (int l = 0; l < k; l++) {
          double product = rowsOfA[i * k + l] * columnsOfB[j * k + l];
          sum += product;
          magnitude += Math.abs(product);
        }
        double old = beta == 0 ? 0 : beta * before[i * n + j];
        double expected = alpha * sum + old;
        double bound = EPSILON * ((k + 4) * Math.abs(alpha) * magnitude + 4 * Math.abs(old));
        double actual = c.get((long) i * n + j);
        if (!(Math.abs(actual - expected) <= bound)) {
          assertThat(actual).as("%s at %d, %d", what, i, j).isCloseTo(expected, offset(bound));
        }
      }
    }
  }

  @Test
  void everyCombinationOfTypesTransposesAndFactors() {
    int rows = MicroKernel.ROWS + 3;
    int columns = MicroKernel.COLUMNS + 5;
    for (DType typeA : TYPES) {
      for (DType typeB : TYPES) {
        for (int transposes = 0; transposes < 4; transposes++) {
          for (double alpha : new double[] {1, -0.3, 0}) {
            for (double beta : new double[] {0, 1, 0.7}) {
              check(rows, columns, 29, typeA, transposes > 1, typeB, transposes % 2 == 1, alpha, beta);
            }
          }
        }
      }
    }
  }

  @Test
  void uglySizes() {
    int lanes = Lanes.COUNT;
    int[] sizes = {0, 1, 2, lanes - 1, lanes, lanes + 1, 37, MicroKernel.COLUMNS, MicroKernel.COLUMNS + 1};
    int which = 0;
    for (int m : sizes) {
      for (int n : sizes) {
        for (int k : sizes) {
          DType type = TYPES[which % 3];
          check(m, n, k, DType.F32, (which & 1) == 1, type, (which & 2) == 2, 1, which % 5 == 0 ? 0 : 1);
          which++;
        }
      }
    }
  }

  @Test
  void depthsAcrossBlocksAndGroups() {
    for (int k : new int[] {511, 512, 513, 1_409, 2_047, 2_049, 4_100}) {
      check(9, 50, k, DType.F32, false, DType.BF16, true, 0.5, 0.25);
      check(21, 16, k, DType.F32, true, DType.F32, false, 1, 1);
    }
  }

  @Test
  void sizesAcrossChunksAndTasks() {
    // The last chunk of rows has few tiles: it must read B the way the first chunk left it, packed.
    check(1_024 + MicroKernel.ROWS, 4 * MicroKernel.COLUMNS + 2, 2_048, DType.F32, false, DType.F32, false, 1, 0);
    check(131, 1_101, 7, DType.F32, false, DType.F32, false, 1, 0);
    check(16, 1_537, 130, DType.F32, true, DType.F32, false, 1, 1);
    check(1_537, 16, 130, DType.F32, true, DType.F32, false, 1, 1);
    check(1_537, 49, 16, DType.F32, false, DType.F32, true, 1, 1);
    check(1_030, 30, 2_050, DType.F32, false, DType.F16, true, 1, 0);
    check(30, 1_050, 2_050, DType.F32, false, DType.F16, false, 1, 0);
  }

  @Test
  void sameBitsForAnyNumberOfThreadsAndInsideTasks() {
    int[][] shapes = {
      {1, 700, 530},
      {3, 700, 530},
      {8, 700, 530},
      {150, 330, 530},
      {150, 330, 2_300},
      {300, 16, 520},
      {300, 1, 520},
      {16, 700, 520},
      {520, 520, 700}
    };
    for (int[] shape : shapes) {
      for (int transposes = 0; transposes < 4; transposes++) {
        Tensor a = operand(DType.F32, shape[0], shape[2], transposes > 1);
        Tensor b = operand(DType.BF16, shape[2], shape[1], transposes % 2 == 1);
        Matrix left = Matrix.of(a).transposed(transposes > 1);
        Matrix right = Matrix.of(b).transposed(transposes % 2 == 1);
        List<float[]> results = new ArrayList<>();
        for (int threads = 1; threads <= 3; threads++) {
          try (WorkerPool pool = new WorkerPool(threads)) {
            Tensor c = arena.allocate(DType.F32, shape[0], shape[1]);
            new Gemm(pool).run(Matrix.of(c), 1, left, right, 0);
            results.add(c.toFloats());
            new Gemm(pool).runInTask(Matrix.of(c), 1, left, right, 0);
            results.add(c.toFloats());
          }
        }
        for (float[] result : results) {
          assertThat(result).isEqualTo(results.get(0));
        }
      }
    }
  }

  @Test
  void partsOfLargerMatricesInsideConcurrentTasks() {
    int heads = 6;
    int d = 40;
    int tokens = 33;
    Tensor qkv = matrix(DType.F32, tokens, 2 * heads * d);
    Tensor scores = arena.allocate(DType.F32, tokens, heads * tokens);
    try (WorkerPool pool = new WorkerPool(3)) {
      Gemm gemm = new Gemm(pool);
      pool.run(
          heads,
          h ->
              gemm.runInTask(
                  Matrix.of(scores).part(0, tokens, h * tokens, tokens),
                  2,
                  Matrix.of(qkv).part(0, tokens, h * d, d),
                  Matrix.of(qkv).part(0, tokens, (heads + h) * d, d).transposed(),
                  0));
    }
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < tokens; i++) {
        for (int j = 0; j < tokens; j++) {
          double expected = 0;
          double magnitude = 0;
          for (int k = 0; k < d; k++) {
            double product = 2 * get(qkv, false, i, h * d + k) * get(qkv, false, j, (heads + h) * d + k);
            expected += product;
            magnitude += Math.abs(product);
          }
          assertThat(get(scores, false, i, h * tokens + j)).isCloseTo(expected, offset(EPSILON * (d + 4) * magnitude));
        }
      }
    }
  }

  @Test
  void notANumberAndInfinityReachTheResult() {
    for (DType type : TYPES) {
      for (int m : new int[] {1, 20}) {
        Tensor a = arena.allocate(DType.F32, m, 40);
        Tensor b = arena.allocate(type, 60, 40);
        for (int i = 0; i < m * 40; i++) {
          a.set(i, 1);
        }
        for (int i = 0; i < 60 * 40; i++) {
          b.set(i, 1);
        }
        b.set(3 * 40 + 39, Double.NaN);
        b.set(5 * 40, Double.NEGATIVE_INFINITY);
        b.set(58 * 40 + 1, Double.POSITIVE_INFINITY);
        Tensor c = arena.allocate(DType.F32, m, 60);
        device.ops().gemm(c, 1, a, false, b, true, 0);
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < 60; j++) {
            Double expected =
                switch (j) {
                  case 3 -> Double.NaN;
                  case 5 -> Double.NEGATIVE_INFINITY;
                  case 58 -> Double.POSITIVE_INFINITY;
                  default -> 40.0;
                };
            assertThat(c.get(i * 60 + j)).as("%s %d %d", type, i, j).isEqualTo(expected);
          }
        }
      }
    }
  }

  @Test
  void wideningIsExactForEvery16BitPattern() {
    for (DType type : new DType[] {DType.BF16, DType.F16}) {
      Tensor halves = arena.allocate(type, 1 << 16);
      Tensor floats = arena.allocate(DType.F32, 1 << 16);
      for (int i = 0; i < 1 << 16; i++) {
        halves.segment().set(ValueLayout.JAVA_SHORT, 2L * i, (short) i);
      }
      Widening.widen(type, halves.address(), 1 << 16, floats.address());
      for (int i = 0; i < 1 << 16; i++) {
        assertThat(floats.get(i)).as("%s %x", type, i).isEqualTo(Double.valueOf(halves.get(i)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {128, 256})
  void narrowerVectorsComputeTheSameThings(int bits) throws Exception {
    String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Dcocktail.vectorBits=" + bits,
                "-cp",
                classPath,
                GemmTest.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output).contains("correct at " + bits + " bits");
  }

  /** Runs the tests that depend on the width of vectors, in a JVM of its own because the width is fixed at start. */
  public static void main(String[] arguments) {
    GemmTest test = new GemmTest();
    test.open();
    test.everyCombinationOfTypesTransposesAndFactors();
    test.depthsAcrossBlocksAndGroups();
    test.notANumberAndInfinityReachTheResult();
    test.wideningIsExactForEvery16BitPattern();
    test.close();
    System.out.println("correct at " + Lanes.FLOATS.vectorBitSize() + " bits");
  }

  @Test
  void wrongArgumentsAreRefused() {
    Tensor c = arena.allocate(DType.F32, 3, 4);
    Tensor a = arena.allocate(DType.F32, 3, 5);
    Tensor b = arena.allocate(DType.F32, 5, 4);
    Tensor onHeap = Tensor.onHost(DType.F32, a.shape(), MemorySegment.ofArray(new float[15]));
    refuses(c, a, true, b);
    refuses(arena.allocate(DType.BF16, 3, 4), a, false, b);
    refuses(c, arena.allocate(DType.I32, 3, 5), false, b);
    refuses(c, arena.allocate(DType.F32, 15), false, b);
    refuses(c, onHeap, false, b);
    try (WorkerPool pool = new WorkerPool(1)) {
      Gemm gemm = new Gemm(pool);
      assertThatThrownBy(() -> gemm.run(Matrix.of(c), 1, Matrix.of(b), Matrix.of(a), 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("do not fit");
      assertThatThrownBy(
              () -> gemm.run(Matrix.of(c).transposed(), 1, Matrix.of(b).transposed(), Matrix.of(a).transposed(), 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("contiguous");
    }
  }

  private void refuses(Tensor c, Tensor a, boolean transposeA, Tensor b) {
    assertThatThrownBy(() -> device.ops().gemm(c, 1, a, transposeA, b, false, 0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
