package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** F64, which no weight or activation of a GPU has, but which fill and cast must take as any floating-point type. */
abstract class ElementwiseKernelsContract implements CudaSetting {
  /** Ties of F32, BF16 and F16, and what is so close to them that rounding twice would go the wrong way. */
  private static final double[] HARD = {
    0,
    -0.0,
    1,
    Double.NaN,
    Double.POSITIVE_INFINITY,
    Double.NEGATIVE_INFINITY,
    1e300,
    -1e-300,
    0x1.01p0,
    0x1.0100000000001p0,
    0x1.00fffffffffffp0,
    0x1.03p0,
    -0x1.0300000000001p0,
    0x1.002p0,
    0x1.0020000000001p0,
    0x1.001ffffffffffp0,
    0x1.0060000000001p0,
    0x1.000001p0,
    0x1.0000010000001p0,
    0x1.000000fffffffp0,
    65519.999999,
    65520,
    0x1p-24,
    0x1p-25,
    0x1.0000000000001p-25,
    0x1.ffp127,
    0x1.feffffffffffp127,
    0x1p-149,
    0x1.8p-150
  };

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16"})
  void f64IsConvertedRoundingOnce(DType dtype) {
    try (CudaDevice device = open(DType.F32);
        TensorArena arena = device.openArena("cast")) {
      Tensor wide = Tensor.zerosOnHost(DType.F64, Shape.of(HARD.length));
      Tensor expected = Tensor.zerosOnHost(dtype, wide.shape());
      for (int i = 0; i < HARD.length; i++) {
        wide.set(i, HARD[i]);
        expected.set(i, HARD[i]);
      }
      Tensor narrow = arena.allocate(dtype, HARD.length);
      device.ops().cast(narrow, device.adopt(arena, wide));
      assertEqual(toHost(device, narrow), expected);
      Tensor back = arena.allocate(DType.F64, HARD.length);
      device.ops().cast(back, narrow);
      assertEqual(toHost(device, back), expected);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F64", "F32", "BF16", "F16"})
  void fillRoundsOnce(DType dtype) {
    try (CudaDevice device = open(DType.F32);
        TensorArena arena = device.openArena("fill")) {
      for (double value : HARD) {
        Tensor expected = Tensor.zerosOnHost(dtype, Shape.of(11));
        for (int i = 0; i < 11; i++) {
          expected.set(i, value);
        }
        Tensor filled = arena.allocate(dtype, 11);
        device.ops().fill(filled, value);
        assertEqual(toHost(device, filled), expected);
      }
    }
  }

  private static Tensor toHost(CudaDevice device, Tensor tensor) {
    Tensor host = Tensor.zerosOnHost(tensor.dtype(), tensor.shape());
    device.copyToHost(host, tensor);
    return host;
  }

  private static void assertEqual(Tensor actual, Tensor expected) {
    for (long i = 0; i < expected.elements(); i++) {
      assertThat(Double.doubleToLongBits(actual.get(i)))
          .as("element %d of %s is %s, expected %s", i, actual, actual.get(i), expected.get(i))
          .isEqualTo(Double.doubleToLongBits(expected.get(i)));
    }
  }
}
