package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/**
 * Uploads through memory that is used again and again. The emulated GPU copies out of it as late as the order of the
 * stream allows.
 */
class StagingTest {
  /** 4 MiB, as much as one half of the pinned memory. */
  private static final int HALF = 1 << 20;

  @Test
  void uploadsArriveWholeThoughNobodyWaits() {
    try (CudaDevice device = EmulatedGpu.open(DType.F32);
        TensorArena arena = device.openArena("uploads")) {
      int[] sizes = {1, HALF - 1, 3 * HALF + 5, 100, HALF, 2 * HALF - 64, 7};
      Tensor host = Tensor.zerosOnHost(DType.I32, Shape.of(4 * HALF));
      Tensor[] uploaded = new Tensor[sizes.length];
      for (int i = 0; i < sizes.length; i++) {
        for (int j = 0; j < sizes[i]; j++) {
          host.segment().setAtIndex(ValueLayout.JAVA_INT, j, value(i, j));
        }
        uploaded[i] = device.adopt(arena, host.rows(0, sizes[i]));
      }
      for (int i = 0; i < sizes.length; i++) {
        Tensor back = Tensor.zerosOnHost(DType.I32, Shape.of(sizes[i]));
        device.copyToHost(back, uploaded[i]);
        int wrong = 0;
        for (int j = 0; j < sizes[i]; j++) {
          wrong += back.segment().getAtIndex(ValueLayout.JAVA_INT, j) == value(i, j) ? 0 : 1;
        }
        assertThat(wrong).as("wrong elements of upload %d", i).isZero();
      }
    }
  }

  private static int value(int upload, int element) {
    return (upload << 24) + element;
  }
}
