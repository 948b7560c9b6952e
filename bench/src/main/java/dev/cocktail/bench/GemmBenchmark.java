package dev.cocktail.bench;

import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.cpu.MultiplyAddPeak;
import dev.cocktail.tensor.cpu.WorkerPool;
import java.util.Locale;
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

/**
 * Matrix products of the training step on the processor, time a product. After each iteration it prints the share of
 * the machine's multiply-add peak, measured just before that iteration on as many threads; {@link GemmReport} measures
 * both in finer turns.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GemmBenchmark {
  @Param({
    "square",
    "qkv",
    "qkv bf16",
    "output",
    "gate and up",
    "down",
    "qkv dX",
    "lm head",
    "lora x A^T",
    "lora u B^T",
    "lora dB",
    "lora dA",
    "token bf16",
    "8 tokens bf16"
  })
  private String product;

  @Param({"1", "2"})
  private int threads;

  /** Whose product: see {@link GemmEngine}. */
  @Param("cocktail")
  private String engine;

  private static final int PEAK_BURSTS = 200;

  private float[] sink;
  private GemmCase shape;
  private WorkerPool pool;
  private double peak;
  private long calls;
  private long start;
  private CpuDevice device;
  private TensorArena arena;
  private GemmEngine matrices;

  @Setup(Level.Trial)
  public void open() {
    device = new CpuDevice(threads);
    arena = device.openArena("benchmark");
    pool = new WorkerPool(threads);
    sink = new float[threads];
    shape = GemmCase.of(product);
    matrices = GemmEngine.open(engine, shape.on(device, arena), threads);
  }

  @Setup(Level.Iteration)
  public void measurePeak() {
    peak = 0;
    for (int burst = 0; burst < PEAK_BURSTS; burst++) {
      peak = Math.max(peak, MultiplyAddPeak.measure(pool, sink));
    }
    calls = 0;
    start = System.nanoTime();
  }

  @TearDown(Level.Iteration)
  public void printShare() {
    double speed = shape.operations() * calls / (System.nanoTime() - start);
    System.out.printf(Locale.ROOT, "%.1f GFLOP/s, %.1f %% of the multiply-add peak; ", speed, 100 * speed / peak);
  }

  @TearDown(Level.Trial)
  public void close() {
    matrices.close();
    arena.close();
    device.close();
    pool.close();
  }

  @Benchmark
  public void multiply() {
    matrices.multiply();
    calls++;
  }
}
