package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random numbers are those of the CPU device. */
abstract class RandomKernelsContract implements CudaSetting {
  /** No multiple of four, and more than the threads of 4 multiprocessors take at once. */
  private static final int COUNT = 70_001;

  /** A block index beyond 32 bits would need 64 GiB; the key's halves are all used. */
  private static final RandomKey KEY = new RandomKey(0x8000_0001_FFFF_FFFEL, 0xFEDC_BA98_7654_3210L);

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void dropoutKeepsWhatThePhiloxWordsSay(DType activation) {
    // Exactly a number that words can equal: such a word is kept.
    double p = Philox.toUnitFloat(Philox.word(KEY, 2));
    try (CudaDevice device = open(activation);
        TensorArena arena = device.openArena("dropout")) {
      Tensor x = arena.allocate(activation, COUNT);
      device.ops().fill(x, 1);
      device.ops().dropout(x, false, x, p, KEY);
      Tensor host = Tensor.zerosOnHost(activation, Shape.of(COUNT));
      device.copyToHost(host, x);
      for (int i = 0; i < COUNT; i++) {
        boolean kept = Philox.toUnitFloat(Philox.word(KEY, i)) >= p;
        assertThat(host.get(i) != 0).as("element %d is kept", i).isEqualTo(kept);
      }
      assertThat(host.get(2)).isNotZero();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16", "F16", "F64"})
  void numbersAreThoseOfTheCpu(DType dtype) {
    try (CudaDevice device = open(DType.BF16);
        CpuDevice cpu = new CpuDevice(1);
        TensorArena onGpu = device.openArena("numbers");
        TensorArena onCpu = cpu.openArena("numbers")) {
      Tensor x = onGpu.allocate(dtype, COUNT);
      Tensor host = Tensor.zerosOnHost(dtype, Shape.of(COUNT));
      Tensor expected = onCpu.allocate(dtype, COUNT);
      device.ops().uniform(x, -0.25, 3, KEY);
      cpu.ops().uniform(expected, -0.25, 3, KEY);
      device.copyToHost(host, x);
      for (int i = 0; i < COUNT; i++) {
        assertThat(host.get(i)).as("uniform number %d", i).isEqualTo(expected.get(i));
      }
      device.ops().normal(x, 0.5, 2, KEY);
      cpu.ops().normal(expected, 0.5, 2, KEY);
      device.copyToHost(host, x);
      // Both compute in F64, with logarithms and sines of their own: what is rounded may be on either side of a tie. In
      // F64 itself the CPU's angle, up to 2 pi, is rounded three times, and multiplied by a radius of at most 2 * 6.7.
      double angle = 2 * 6.7 * 3 * 2 * Math.PI * 0x1p-53;
      double unit = dtype == DType.F64 ? angle : dtype == DType.F32 ? 0x1p-23 : dtype == DType.F16 ? 0x1p-10 : 0x1p-7;
      double smallest = dtype == DType.F64 ? 1 : 0x1p-10;
      int different = 0;
      for (int i = 0; i < COUNT; i++) {
        different += host.get(i) == expected.get(i) ? 0 : 1;
        assertThat(Math.abs(host.get(i) - expected.get(i)))
            .as("normal number %d", i)
            .isLessThanOrEqualTo(unit * Math.max(Math.abs(expected.get(i)), smallest));
      }
      if (dtype != DType.F64) {
        assertThat(different).as("numbers that were rounded differently").isLessThanOrEqualTo(2);
      }
    }
  }
}
