package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CpuDeviceTest {
  @Test
  void isFoundByName() {
    List<String> told = new ArrayList<>();
    try (Device device = Devices.open("cpu", told::add)) {
      assertThat(device).isInstanceOf(CpuDevice.class);
      assertThat(device.name()).isEqualTo("cpu");
      assertThat(device.description()).contains(Lanes.FLOATS.vectorBitSize() + "-bit");
      assertThat(device.activationType()).isEqualTo(DType.F32);
    }
    assertThatThrownBy(() -> Devices.open("cpu:1", told::add))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("cpu:1");
  }

  @Test
  void threadsComeFromThePropertyOrTheConstructor() {
    try (CpuDevice device = new CpuDevice(3)) {
      assertThat(device.threads()).isEqualTo(3);
    }
    System.setProperty("cocktail.threads", "2");
    try (CpuDevice device = new CpuDevice()) {
      assertThat(device.threads()).isEqualTo(2);
      System.setProperty("cocktail.threads", "many");
      assertThatThrownBy(CpuDevice::new).isInstanceOf(InvalidInputException.class).hasMessageContaining("many");
    } finally {
      System.clearProperty("cocktail.threads");
    }
  }

  @Test
  void aSecondStepTakesNothingMoreFromTheSystem() {
    try (CpuDevice device = new CpuDevice(1)) {
      assertThat(device.reservedBytes()).isZero();
      long afterFirst = step(device);
      assertThat(afterFirst).isGreaterThanOrEqualTo(12_000_000);
      for (int i = 0; i < 3; i++) {
        assertThat(step(device)).isEqualTo(afterFirst);
      }
      assertThat(device.peakReservedBytes()).isEqualTo(afterFirst);
    }
  }

  private static long step(Device device) {
    try (TensorArena arena = device.openArena("step")) {
      Tensor small = arena.allocate(DType.F32, 100, 100);
      Tensor large = arena.allocate(DType.F32, 1_000, 3_000);
      assertThat(small.address() % TensorArena.ALIGNMENT).isZero();
      assertThat(large.address() % TensorArena.ALIGNMENT).isZero();
      large.set(2_999_999, 1);
    }
    return device.reservedBytes();
  }

  @Test
  void regionsThatNeverFitAgainAreGivenBack() {
    try (CpuDevice device = new CpuDevice(1)) {
      for (int i = 0; i < 12; i++) {
        try (TensorArena arena = device.openArena("growing")) {
          arena.allocate(DType.U8, 1L << (12 + i));
        }
      }
      assertThat(device.peakReservedBytes()).isLessThan(3L << 23);
    }
  }

  @Test
  void anOpenArenaIsNamedWhenTheDeviceIsClosed() {
    CpuDevice device = new CpuDevice(1);
    TensorArena model = device.openArena("model");
    device.openArena("step").close();
    assertThatThrownBy(device::close)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("'model'")
        .hasMessageNotContaining("'step'")
        .hasMessageContaining("cocktail.leaks");
    model.close();
    assertThat(device.reservedBytes()).isZero();
    assertThatThrownBy(() -> device.openArena("late")).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void withTracingALeakTellsWhereItWasOpened() {
    System.setProperty("cocktail.leaks", "trace");
    try {
      CpuDevice device = new CpuDevice(1);
      device.openArena("model");
      assertThatThrownBy(device::close)
          .satisfies(leak ->
              assertThat(leak.getSuppressed()[0].getStackTrace())
                  .anyMatch(frame -> frame.getMethodName().equals("withTracingALeakTellsWhereItWasOpened")));
    } finally {
      System.clearProperty("cocktail.leaks");
    }
  }

  @Test
  void poisonedBlocksReadAsNotANumber() {
    System.setProperty("cocktail.poison", "true");
    try (CpuDevice device = new CpuDevice(1);
        TensorArena arena = device.openArena("step")) {
      assertThat(arena.allocate(DType.F32, 3).toFloats()).containsOnly(Float.NaN);
    } finally {
      System.clearProperty("cocktail.poison");
    }
  }

  @Test
  void adoptsHeapTensorsByCopyAndOthersAsTheyAre() {
    try (CpuDevice device = new CpuDevice(1);
        TensorArena arena = device.openArena("step")) {
      Tensor onHeap = Tensor.onHost(DType.F32, Shape.of(3), MemorySegment.ofArray(new float[] {1, 2, 3}));
      Tensor copy = device.adopt(arena, onHeap);
      assertThat(copy.segment().isNative()).isTrue();
      assertThat(copy.toFloats()).containsExactly(1, 2, 3);
      assertThat(device.adopt(arena, copy)).isSameAs(copy);
      assertThatThrownBy(() -> device.copyToHost(arena.allocate(DType.F32, 4), copy))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("F32[4]");
    }
  }

  @Test
  void theSameThreadsHaveTheSamePeak() {
    try (CpuDevice one = new CpuDevice(1);
        CpuDevice another = new CpuDevice(1)) {
      double peak = one.peakOperationsPerSecond().orElseThrow();
      assertThat(peak).isPositive().isFinite();
      assertThat(another.peakOperationsPerSecond()).hasValue(peak);
    }
  }
}
