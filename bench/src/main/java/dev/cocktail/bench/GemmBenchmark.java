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

/** Matrix products of the training step on the processor, time a product; {@link GemmReport} relates them to the peak. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 3, jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GemmBenchmark {
  @Param({"square", "qkv", "qkv bf16", "output", "gate and up", "down", "qkv dX", "lm head", "lora x A^T", "lora u B^T",
      "lora dB", "lora dA", "token bf16", "8 tokens bf16"})
  private String product;

  @Param({"1", "2"})
  private int threads;

  private CpuDevice device;
  private TensorArena arena;
  private GemmCase.Product matrices;

  @Setup(Level.Trial)
  public void open() {
    device = new CpuDevice(threads);
    arena = device.openArena("benchmark");
    matrices = GemmCase.all().stream().filter(shape -> shape.name().equals(product)).findFirst().orElseThrow()
        .on(device, arena);
    matrices.verify();
  }

  @TearDown(Level.Trial)
  public void close() {
    arena.close();
    device.close();
  }

  @Benchmark
  public void multiply() {
    matrices.multiply();
  }
}
