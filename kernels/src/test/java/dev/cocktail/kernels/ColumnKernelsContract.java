package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sums over more rows than there are parts of the usual height. */
abstract class ColumnKernelsContract implements CudaSetting {
  @ParameterizedTest
  @CsvSource({"F32, 24", "BF16, 24", "F32, 3", "BF16, 3"})
  void sumsOverManyRowsStayAccurate(DType activation, int columns) {
    int rows = 9001;
    try (CudaDevice device = open(activation);
        TensorArena arena = device.openArena("sums")) {
      var random = new Random(columns);
      Tensor dOut = normal(random, activation, rows, columns);
      Tensor in = normal(random, activation, rows, columns);
      Tensor sums = Tensor.zerosOnHost(DType.F32, Shape.of(columns));
      Tensor onGpu = arena.allocate(DType.F32, columns);
      device.ops().fill(onGpu, 1);
      Tensor factors = arena.allocate(DType.F32, columns);
      device.ops().fill(factors, 1);
      device
          .ops()
          .scaleColumnsBackward(null, false, onGpu, device.adopt(arena, dOut), device.adopt(arena, in), factors);
      device.copyToHost(sums, onGpu);
      for (int n = 0; n < columns; n++) {
        double exact = 1;
        double magnitude = 1;
        for (long t = 0; t < rows; t++) {
          double product = dOut.get(t * columns + n) * in.get(t * columns + n);
          exact += product;
          magnitude += Math.abs(product);
        }
        // The longest chain: at most 18 rows of a part, 64 threads of a block, an eighth of 512 parts, 8 warps, the
        // sum.
        assertThat(sums.get(n)).isCloseTo(exact, within((18 + 64 + 64 + 8 + 1) * 0x1p-24 * magnitude));
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
}
