package dev.cocktail.kernels.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.GpuException;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Work is done as late as a GPU may do it, and only in the order that was asked for. */
class StreamsTest {
  private final Bench bench = new Bench();
  private final EmulatedDriver driver = bench.driver();
  private final GpuDriver.Stream first = bench.stream();
  private final GpuDriver.Stream second = driver.openStream();
  private final long x = bench.block(4);
  private final long y = bench.block(4);

  @AfterEach
  void close() {
    bench.close();
  }

  private void write(long target, int value, GpuDriver.Stream stream) {
    driver.copyToGpu(target, MemorySegment.ofArray(new int[] {value}), stream);
  }

  private int read(long source, GpuDriver.Stream stream) {
    int[] value = {-1};
    driver.copyToHost(MemorySegment.ofArray(value), source, stream);
    driver.synchronize(stream);
    return value[0];
  }

  private MemorySegment pinned(int value) {
    MemorySegment pinned = driver.allocatePinned(4);
    pinned.set(ValueLayout.JAVA_INT, 0, value);
    return pinned;
  }

  @Test
  void pinnedMemoryIsCopiedLate() {
    MemorySegment pinned = pinned(1);
    driver.copyToGpu(x, pinned, first);
    pinned.set(ValueLayout.JAVA_INT, 0, 2);
    assertThat(read(x, first)).isEqualTo(2);
    // A part of it is pinned too.
    MemorySegment large = driver.allocatePinned(64);
    driver.copyToGpu(x, large.asSlice(32, 4), first);
    large.fill((byte) 3);
    assertThat(read(x, first)).isEqualTo(0x03030303);
    // Other memory may change at once.
    int[] array = {4};
    driver.copyToGpu(x, MemorySegment.ofArray(array), first);
    array[0] = 5;
    assertThat(read(x, first)).isEqualTo(4);
  }

  @Test
  void resultsReachTheHostWhenItWaits() {
    write(x, 7, first);
    int[] value = {-1};
    driver.copyToHost(MemorySegment.ofArray(value), x, first);
    GpuDriver.Event copied = driver.openEvent();
    driver.record(copied, first);
    assertThat(value).containsExactly(-1);
    driver.synchronize(second);
    assertThat(value).containsExactly(-1);
    driver.synchronize(copied);
    assertThat(value).containsExactly(7);
  }

  @Test
  void aMarkHoldsOnlyWhatLiesBeforeIt() {
    MemorySegment pinned = pinned(1);
    GpuDriver.Event emptied = driver.openEvent();
    driver.synchronize(emptied); // Never recorded.
    driver.copyToGpu(x, pinned, first);
    driver.record(emptied, first);
    driver.copyToGpu(y, pinned, first);
    driver.synchronize(emptied);
    pinned.set(ValueLayout.JAVA_INT, 0, 2);
    assertThat(read(x, first)).isEqualTo(1);
    assertThat(read(y, first)).isEqualTo(2);
  }

  @Test
  void streamsHaveNoOrderButByMarks() {
    // What the other stream writes is not there.
    write(x, 1, first);
    assertThatThrownBy(() -> read(x, second)).isInstanceOf(EmulatorFault.class).hasMessageContaining("never written");
    // It is, where the stream waits for it.
    GpuDriver.Event written = driver.openEvent();
    write(x, 1, first);
    driver.record(written, first);
    driver.await(second, written);
    assertThat(read(x, second)).isEqualTo(1);
    // What the other stream still reads is overwritten.
    driver.copyOnGpu(y, x, 4, first);
    write(x, 2, second);
    driver.synchronize(second);
    assertThat(read(y, first)).isEqualTo(2);
    // A wait takes the record of its time: the later one does not count.
    driver.copyOnGpu(y, x, 4, first);
    driver.record(written, first);
    driver.await(second, written);
    driver.copyOnGpu(y, x, 4, first);
    driver.record(written, first);
    write(x, 3, second);
    driver.synchronize(second);
    assertThat(read(y, first)).isEqualTo(3);
  }

  @Test
  void marksThroughSeveralStreams() {
    GpuDriver.Stream third = driver.openStream();
    GpuDriver.Event one = driver.openEvent();
    GpuDriver.Event two = driver.openEvent();
    write(x, 9, first);
    driver.record(one, first);
    driver.await(second, one);
    driver.record(two, second);
    driver.await(third, two);
    assertThat(read(x, third)).isEqualTo(9);
    assertThat(driver.milliseconds(one, two)).isNotNegative();
    driver.record(two, second);
    assertThatThrownBy(() -> driver.milliseconds(one, two))
        .isInstanceOf(GpuException.class)
        .hasMessageContaining("not reached");
  }

  @Test
  void aRegionThatComesBackIsFreeForLaterWorkOnly() {
    write(x, 6, first);
    driver.copyOnGpu(y, x, 4, first);
    driver.blockReturned(x);
    driver.blockTaken(x, 4);
    assertThat(read(y, second)).isEqualTo(6);
    driver.copyOnGpu(y, x, 4, first);
    assertThatThrownBy(() -> driver.synchronize(first)).hasMessageContaining("never written");
  }

  @Test
  void aKernelKeepsTheArgumentsItWasLaunchedWith() {
    var kernel = driver.load("test", Bench.module("", "st.global.u32 [%out], 1;")).function("test");
    var arguments = new KernelArguments().pointer(x).pointer(0);
    driver.launch(kernel, Launch.of(1, 1), arguments, first);
    assertThat(driver.executedInstructions()).isZero();
    assertThat(read(x, first)).isEqualTo(1);
    assertThat(driver.executedInstructions()).isPositive();
  }
}
