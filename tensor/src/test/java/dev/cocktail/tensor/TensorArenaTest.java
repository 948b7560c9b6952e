package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.testing.ReferenceDevice;
import org.junit.jupiter.api.Test;

/** Blocks belong to one arena, and memory to the time it is open. */
class TensorArenaTest {
  @Test
  void whatIsNotALiveBlockCannotBeFreed() {
    try (var device = new ReferenceDevice();
        var arena = device.openArena("one");
        var other = device.openArena("other")) {
      Tensor tensor = arena.allocate(DType.F32, 1000, 2);
      Tensor foreign = other.allocate(DType.F32, 3);
      assertThatThrownBy(() -> arena.free(foreign))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("one");
      assertThatThrownBy(() -> arena.free(tensor.rows(500, 500))).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> arena.free(tensor.rows(0, 500))).isInstanceOf(IllegalStateException.class);
      assertThat(arena.allocatedBytes()).isEqualTo(8192);
      arena.free(tensor.reshape(2000));
      assertThatThrownBy(() -> arena.free(tensor)).isInstanceOf(IllegalStateException.class);
      assertThat(arena.allocatedBytes()).isZero();
    }
  }

  @Test
  void aClosedArenaIsOfNoUse() {
    try (var device = new ReferenceDevice()) {
      TensorArena arena = device.openArena("closed");
      Tensor tensor = arena.allocate(DType.F32, 3);
      arena.close();
      assertThatThrownBy(() -> arena.allocate(DType.F32, 1)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> arena.free(tensor)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> tensor.get(0)).as("its memory is gone").isInstanceOf(IllegalStateException.class);
      assertThat(device.reservedBytes()).isZero();
      assertThat(device.peakReservedBytes()).isPositive();
    }
  }

  @Test
  void anArenaSurvivesASourceThatHasNoMore() {
    var arena = new TensorArena("test", new AddressSource(1L << 30), false);
    assertThatThrownBy(() -> arena.allocate(DType.U8, 1L << 41)).isInstanceOf(OutOfMemoryError.class);
    assertThatThrownBy(() -> arena.allocate(DType.F64, 1L << 61)).isInstanceOf(ArithmeticException.class);
    assertThatThrownBy(() -> arena.allocate(DType.U8, Long.MAX_VALUE)).isInstanceOf(ArithmeticException.class);
    assertThat(arena.allocatedBytes()).isZero();
    assertThat(arena.allocate(DType.F32, 7).elements()).isEqualTo(7);
    arena.close();
  }

  @Test
  void poisonShowsWhatWasNeverWritten() {
    try (var device = new ReferenceDevice();
        var arena = device.openArena("poison")) {
      Tensor tensor = arena.allocate(DType.F64, 2);
      assertThat(tensor.get(1)).isNaN();
      tensor.set(1, 5);
      arena.free(tensor);
      assertThat(arena.allocate(DType.F64, 2).get(1)).isNaN();
    }
  }

  @Test
  void aDeviceNamesTheArenasThatAreStillOpen() {
    var device = new ReferenceDevice();
    TensorArena forgotten = device.openArena("forgotten");
    assertThatThrownBy(device::close).isInstanceOf(IllegalStateException.class).hasMessageContaining("'forgotten'");
    forgotten.close();
    device.close();
  }
}
