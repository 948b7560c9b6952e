package dev.cocktail.bench;

import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Attention on the processor, time a pass; {@link AttentionReport} relates it to the peak. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class AttentionBenchmark {
  @Param({"512", "512 d96", "512 d128", "4 x 512 grouped", "2048", "2048 window", "16 x 100", "64 x 32"})
  private String attention;

  @Param({"1", "2"})
  private int threads;

  private CpuDevice device;
  private TensorArena arena;
  private AttentionCase.Work work;

  @Setup(Level.Trial)
  public void open() {
    device = new CpuDevice(threads);
    arena = device.openArena("benchmark");
    work =
        AttentionCase.all().stream()
            .filter(shape -> shape.name().equals(attention))
            .findFirst()
            .orElseThrow()
            .on(device, arena);
    work.verify();
  }

  @TearDown(Level.Trial)
  public void close() {
    arena.close();
    device.close();
  }

  @Benchmark
  public void forward() {
    work.forward();
  }

  @Benchmark
  public void backward() {
    work.backward();
  }
}
