package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of operands that are converted in blocks. */
abstract class MatrixProductsContract implements CudaSetting {
  private static final int M = 13;
  private static final int N = 9;
  private static final int K = 11;
  private static final List<DType> TYPES = List.of(DType.F32, DType.BF16, DType.F16);

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void everyPairOfTypesInBlocksOfAnySize(DType activation) {
    try (CudaDevice device = open(activation)) {
      // One row a block, a few rows, everything at once.
      for (long scratchBytes : new long[] {1, 130, 1 << 20}) {
        var products = new MatrixProducts(device.context(), scratchBytes);
        for (DType left : TYPES) {
          for (DType right : TYPES) {
            for (int way = 0; way < 4; way++) {
              product(device, products, left, (way & 1) != 0, right, (way & 2) != 0, way % 3 - 1.0);
            }
          }
        }
      }
    }
  }

  private static void product(
      CudaDevice device,
      MatrixProducts products,
      DType left,
      boolean transposeA,
      DType right,
      boolean transposeB,
      double beta) {
    DType activation = device.activationType();
    var random = new Random(1);
    for (DType result : List.of(DType.F32, activation)) {
      try (TensorArena arena = device.openArena("product")) {
        Tensor a = normal(random, left, transposeA ? new long[] {K, M} : new long[] {M, K});
        Tensor b = normal(random, right, transposeB ? new long[] {N, K} : new long[] {K, N});
        Tensor before = normal(random, result, M, N);
        Tensor c = device.adopt(arena, before);
        products.gemm(c, 0.5, device.adopt(arena, a), transposeA, device.adopt(arena, b), transposeB, beta);
        Tensor after = Tensor.zerosOnHost(result, Shape.of(M, N));
        device.copyToHost(after, c);
        boolean rounds = activation == DType.BF16 && left != right && (left == DType.BF16 || right == DType.BF16);
        for (int i = 0; i < M * N; i++) {
          double exact = beta * before.get(i);
          double mass = Math.abs(exact);
          for (int k = 0; k < K; k++) {
            int row = i / N;
            int column = i % N;
            double product =
                0.5
                    * a.get(transposeA ? k * M + row : row * K + k)
                    * b.get(transposeB ? column * K + k : k * N + column);
            exact += product;
            mass += Math.abs(product);
          }
          // A sum of K products and C, each stored in F32; one operand rounded to BF16; the result rounded.
          double unit = (2 * K + 4) * 0x1p-24 + (rounds ? 0x1p-8 : 0);
          double bound = unit * mass + (result == DType.BF16 ? 0x1p-8 * (Math.abs(exact) + unit * mass) : 0);
          assertThat(after.get(i))
              .as("C[%d] of %s x %s into %s, beta %s, %s", i, a, b, result, beta, activation)
              .isCloseTo(exact, within(bound));
        }
      }
    }
  }

  private static Tensor normal(Random random, DType dtype, long... dims) {
    Tensor tensor = Tensor.zerosOnHost(dtype, Shape.of(dims));
    for (long i = 0; i < tensor.elements(); i++) {
      tensor.set(i, random.nextGaussian());
    }
    return tensor;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void refusesF64(DType activation) {
    try (CudaDevice device = open(activation);
        TensorArena arena = device.openArena("product")) {
      Tensor a = arena.allocate(DType.F64, 2, 2);
      Tensor b = arena.allocate(DType.F32, 2, 2);
      Tensor c = arena.allocate(DType.F32, 2, 2);
      assertThatThrownBy(() -> device.ops().gemm(c, 1, a, false, b, false, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("gemm: a is F64[2, 2], expected F32, BF16 or F16");
    }
  }
}
