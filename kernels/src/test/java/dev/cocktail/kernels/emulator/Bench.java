package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.driver.GpuDriver;
import dev.cocktail.kernels.driver.KernelArguments;
import dev.cocktail.kernels.driver.Launch;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** An emulated GPU on which tests run kernels of a few lines. */
final class Bench implements AutoCloseable {
  private static final long BYTES = 4L << 20;

  private final EmulatedDriver driver = new EmulatedDriver(64L << 20);
  private final GpuDriver.Stream stream = driver.openStream();
  private long next = driver.reserve(BYTES);

  Bench() {
    driver.map(next, BYTES);
  }

  EmulatedDriver driver() {
    return driver;
  }

  GpuDriver.Stream stream() {
    return stream;
  }

  /** A block of memory, far from any other. */
  long block(long bytes) {
    long address = next;
    driver.blockTaken(address, bytes);
    next += (bytes + 4095) / 4096 * 4096;
    return address;
  }

  /** A block that holds the given words. */
  long words(int... values) {
    long address = block(4L * values.length);
    driver.copyToGpu(address, MemorySegment.ofArray(values), stream);
    return address;
  }

  int[] read(long address, int count) {
    int[] values = new int[count];
    driver.copyToHost(MemorySegment.ofArray(values), address, stream);
    driver.synchronize(stream);
    return values;
  }

  long readLong(long address) {
    long[] value = new long[1];
    driver.copyToHost(MemorySegment.ofArray(value), address, stream);
    driver.synchronize(stream);
    return MemorySegment.ofArray(value).get(ValueLayout.JAVA_LONG, 0);
  }

  /**
   * Runs a kernel to its end, with one pointer {@code %out} and one {@code %in}; the registers %r, %rs, %rd, %f, %fd,
   * %p from 0 on are there, %r0 is the thread's number, %rd0 the address of the thread's own word of the output.
   */
  void run(String declarations, String body, Launch launch, long out, long in) {
    GpuDriver.Function kernel = driver.load("test", module(declarations, body)).function("test");
    driver.launch(kernel, launch, new KernelArguments().pointer(out).pointer(in), stream);
    driver.synchronize(stream);
  }

  void run(String body, int threads, long out, long in) {
    run("", body, Launch.of(1, threads), out, in);
  }

  static String module(String declarations, String body) {
    return """
    .version 8.0
    .target sm_80
    .address_size 64
    .extern .shared .align 16 .b8 dynamic[];
    .visible .entry test(.param .u64 test_param_0, .param .u64 .ptr .align 1 test_param_1)
    {
      .reg .pred %p<10>;
      .reg .b16 %rs<10>;
      .reg .b32 %r<40>;
      .reg .f32 %f<10>;
      .reg .b64 %rd<10>;
      .reg .f64 %fd<10>;
      .reg .b64 %out, %in;
      DECLARATIONS
      ld.param.u64 %out, [test_param_0];
      ld.param.u64 %in, [test_param_1];
      cvta.to.global.u64 %out, %out;
      cvta.to.global.u64 %in, %in;
      mov.u32 %r0, %tid.x;
      mad.wide.u32 %rd0, %r0, 4, %out;
      BODY
      ret;
    }
    """
        .replace("DECLARATIONS", declarations)
        .replace("BODY", body);
  }

  @Override
  public void close() {
    driver.close();
  }
}
