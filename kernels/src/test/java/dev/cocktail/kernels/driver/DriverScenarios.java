package dev.cocktail.kernels.driver;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;

/** What {@link JCudaDriverTest} runs in JVMs of their own, against the driver on the host's memory. */
final class DriverScenarios {
  private static final String CODE = ".version 8.0\n.entry scale(\n.entry fault(\n";
  private static final long PIECE = 2L << 20;

  private DriverScenarios() {}

  public static void main(String[] arguments) throws Exception {
    switch (arguments[0]) {
      case "computes" -> computes();
      case "memory" -> memory();
      case "whole-memory" -> wholeMemory();
      case "code" -> code();
      case "fault" -> fault();
      case "lost" -> lost();
      case "open" -> open(Integer.parseInt(arguments[1]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
    System.out.println("scenario done");
  }

  /** Copies from and to every kind of host memory, launches from two threads, events. */
  private static void computes() throws Exception {
    JCudaDriver driver = JCudaDriver.open(0);
    GpuInfo info = driver.info();
    assertThat(info).isEqualTo(new GpuInfo("Host GPU 0", 0, 8, 0, 4, 99 << 10, 1L << 30, 12040));
    assertThat(driver.clockHertz()).isEqualTo(1.5e9);
    assertThat(driver.note()).isEmpty();
    GpuDriver.Stream stream = driver.openStream();
    long range = driver.reserve(2 * PIECE);
    driver.map(range, PIECE);
    GpuDriver.Event before = driver.openEvent();
    GpuDriver.Event after = driver.openEvent();
    GpuDriver.Function scale = driver.load("test", CODE).function("scale");
    MemorySegment pinned = driver.allocatePinned(4096);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment[] hosts = {
        pinned.asSlice(64, 40),
        arena.allocate(40),
        MemorySegment.ofArray(new float[10]),
        MemorySegment.ofArray(new byte[43]).asSlice(3)
      };
      for (MemorySegment host : hosts) {
        for (int i = 0; i < 10; i++) {
          host.set(JAVA_FLOAT.withByteAlignment(1), 4L * i, i);
        }
        driver.record(before, stream);
        driver.copyToGpu(range, host, stream);
        KernelArguments values = arguments(range + 1024, range);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread other =
            Thread.ofPlatform()
                .uncaughtExceptionHandler((thread, e) -> failure.set(e))
                .start(() -> driver.launch(scale, Launch.covering(10, 4), values, stream));
        other.join();
        assertThat(failure.get()).isNull();
        driver.copyOnGpu(range + 2048, range + 1024, 40, stream);
        driver.fill(range + 2048, (byte) 0, 4, stream);
        host.fill((byte) 0xff);
        driver.copyToHost(host, range + 2048, stream);
        driver.record(after, stream);
        driver.await(stream, after);
        driver.synchronize(after);
        driver.synchronize(stream);
        for (int i = 0; i < 10; i++) {
          assertThat(host.get(JAVA_FLOAT.withByteAlignment(1), 4L * i)).isEqualTo(i == 0 ? 0 : 2.5f * i - 1);
        }
        assertThat(driver.milliseconds(before, after)).isEqualTo(1);
      }
    }
    driver.copyToGpu(range, MemorySegment.ofArray(new float[0]), stream);
    driver.release(range);
    assertThat(driver.freeBytes()).isEqualTo(1L << 30);
    driver.close();
    driver.close();
    assertThatThrownBy(() -> driver.synchronize(stream)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> pinned.get(JAVA_FLOAT, 0)).isInstanceOf(IllegalStateException.class);
  }

  private static KernelArguments arguments(long out, long in) {
    return new KernelArguments().pointer(out).pointer(in).float32(2.5).float64(-1).int32(10);
  }

  private static void memory() {
    try (JCudaDriver driver = JCudaDriver.open(0)) {
      assertThat(driver.granularity()).isEqualTo(PIECE);
      assertThat(driver.freeBytes()).isEqualTo(4 * PIECE);
      long range = driver.reserve(16 * PIECE);
      driver.map(range, PIECE);
      driver.map(range + PIECE, 2 * PIECE);
      assertThat(driver.freeBytes()).isEqualTo(PIECE);
      assertThatThrownBy(() -> driver.map(range + 3 * PIECE, 2 * PIECE))
          .isInstanceOfSatisfying(
              OutOfGpuMemoryException.class,
              e -> {
                assertThat(e.askedBytes()).isEqualTo(2 * PIECE);
                assertThat(e.freeBytes()).isEqualTo(PIECE);
                assertThat(e.heldBytes()).isEqualTo(3 * PIECE);
              });
      assertThatThrownBy(() -> driver.map(range, PIECE))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("cannot map 2,097,152 bytes")
          .hasMessageContaining("CUDA_ERROR_INVALID_VALUE (invalid argument)");
      GpuDriver.Stream stream = driver.openStream();
      // Over the seam of two pieces, and one byte beyond the last.
      driver.copyToGpu(range + PIECE - 8, MemorySegment.ofArray(new long[2]), stream);
      assertThatThrownBy(() -> driver.copyToGpu(range + 3 * PIECE - 8, MemorySegment.ofArray(new long[2]), stream))
          .isInstanceOf(GpuException.class);
      driver.release(range);
      assertThat(driver.freeBytes()).isEqualTo(4 * PIECE);
      assertThatThrownBy(() -> driver.release(range)).isInstanceOf(IllegalArgumentException.class);
      driver.map(driver.reserve(4 * PIECE), PIECE); // Left for close.
    }
  }

  private static void wholeMemory() {
    try (JCudaDriver driver = JCudaDriver.open(0)) {
      assertThat(driver.note()).contains("no virtual memory");
      long range = driver.reserve(1L << 30);
      long room = (1L << 30) - (512L << 20);
      assertThat(driver.freeBytes()).isEqualTo(room);
      driver.map(range, PIECE);
      assertThat(driver.freeBytes()).isEqualTo(room - PIECE);
      assertThatThrownBy(() -> driver.map(range + PIECE, room))
          .isInstanceOfSatisfying(OutOfGpuMemoryException.class, e -> assertThat(e.heldBytes()).isEqualTo(PIECE));
      driver.copyToGpu(range + room - 8, MemorySegment.ofArray(new long[1]), driver.openStream());
      driver.release(range);
      assertThat(driver.freeBytes()).isZero();
    }
  }

  private static void code() {
    try (JCudaDriver driver = JCudaDriver.open(0)) {
      assertThatThrownBy(() -> driver.load("broken", "no code"))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("the code 'broken' cannot be loaded")
          .hasMessageContaining("Missing .version directive")
          .hasMessageContaining("CUDA_ERROR_INVALID_PTX");
      GpuDriver.Module module = driver.load("test", CODE);
      assertThatThrownBy(() -> module.function("missing"))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("the code 'test' has no kernel missing");
      GpuDriver.Function scale = module.function("scale");
      GpuDriver.Stream stream = driver.openStream();
      long range = driver.reserve(PIECE);
      driver.map(range, PIECE);
      KernelArguments arguments = arguments(range, range);
      for (int shared : new int[] {0, 32 << 10, 33 << 10, 83 << 10, 48 << 10}) {
        driver.launch(scale, new Launch(1, 1, 1, 32, shared), arguments, stream); // Static shared memory: 16 KiB.
      }
      assertThatThrownBy(() -> driver.launch(scale, new Launch(1, 1, 1, 32, 84 << 10), arguments, stream))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("kernel scale cannot be launched (grid 1 x 1 x 1, 32 threads, 86016 bytes")
          .hasMessageContaining("16,384")
          .hasMessageContaining("101,376");
      assertThatThrownBy(() -> driver.launch(scale, new Launch(1, 2, 1, 32, 0), arguments, stream))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining(
              "kernel scale cannot be launched (grid 1 x 2 x 1, 32 threads): CUDA_ERROR_INVALID_VALUE");
      KernelArguments many = arguments(range, range);
      for (int i = 0; i < 100; i++) {
        many.int64(i);
      }
      driver.launch(scale, Launch.of(1, 32), many, stream);
    }
  }

  private static void fault() {
    JCudaDriver driver = JCudaDriver.open(0);
    GpuDriver.Stream stream = driver.openStream();
    GpuDriver.Function fault = driver.load("test", CODE).function("fault");
    if (Boolean.getBoolean("cocktail.cuda.blocking")) {
      assertThatThrownBy(() -> driver.launch(fault, Launch.of(3, 32), new KernelArguments(), stream))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("kernel fault failed (grid 3 x 1 x 1, 32 threads): CUDA_ERROR_ILLEGAL_ADDRESS");
    } else {
      driver.launch(fault, Launch.of(3, 32), new KernelArguments(), stream);
      assertThatThrownBy(() -> driver.synchronize(stream))
          .isInstanceOf(GpuException.class)
          .hasMessageContaining("earlier work on the GPU failed: CUDA_ERROR_ILLEGAL_ADDRESS")
          .hasMessageContaining("the last kernel issued before was fault")
          .hasMessageContaining("-Dcocktail.cuda.blocking=true");
    }
    assertThatThrownBy(driver::close).isInstanceOf(GpuException.class);
  }

  private static void lost() throws Exception {
    JCudaDriver driver = JCudaDriver.open(0);
    GpuDriver.Stream stream = driver.openStream();
    GpuDriver.Event event = driver.openEvent();
    GpuDriver.Function scale = driver.load("test", CODE).function("scale");
    MemorySegment pinned = driver.allocatePinned(64);
    long range = driver.reserve(PIECE);
    driver.map(range, PIECE);
    NativeLibrary.open("libcuda.so.1").function("host_cuda_lose").call();
    for (Runnable call :
        new Runnable[] {
          () -> driver.copyToGpu(range, pinned, stream),
          () -> driver.copyToHost(pinned, range, stream),
          () -> driver.copyOnGpu(range, range + 64, 8, stream),
          () -> driver.fill(range, (byte) 1, 8, stream),
          () -> driver.launch(scale, Launch.of(1, 32), arguments(range, range), stream),
          () -> driver.record(event, stream),
          () -> driver.await(stream, event),
          () -> driver.synchronize(event),
          () -> driver.synchronize(stream),
          () -> driver.milliseconds(event, event),
          () -> driver.load("test", CODE),
          () -> driver.allocatePinned(8),
          driver::freeBytes,
          driver::openStream,
          driver::openEvent,
          () -> driver.release(range),
          driver::close
        }) {
      assertThatThrownBy(call::run).isInstanceOf(GpuException.class).hasMessageContaining("CUDA_ERROR_LAUNCH_FAILED");
    }
  }

  private static void open(int ordinal) {
    try (JCudaDriver driver = JCudaDriver.open(ordinal)) {
      System.out.println("opened " + driver.info().name());
    } catch (GpuException e) {
      System.out.println("refused: " + e.getMessage());
    }
  }
}
