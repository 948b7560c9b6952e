package dev.cocktail.bench;

import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.cpu.MultiplyAddPeak;
import dev.cocktail.tensor.cpu.WorkerPool;
import java.util.Locale;

/**
 * Prints, for every {@link AttentionCase}, the speed of its forward and backward pass as a share of the multiply-add
 * peak measured in turns with it; see {@link GemmReport}. Operations count pairs of tokens that see each other only, so
 * work on masked parts of tiles shows as a lower share.
 *
 * <p>{@code java --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp 'bench/target/lib/*'
 * dev.cocktail.bench.AttentionReport [threads [name prefix]]}
 */
public final class AttentionReport {
  private static final long WARM_UP_NANOS = 4_000_000_000L;
  private static final long NANOS_PER_CASE = 2_000_000_000L;
  private static final long NANOS_PER_TURN = 3_000_000L;

  private AttentionReport() {}

  public static void main(String[] arguments) {
    int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : Runtime.getRuntime().availableProcessors();
    String prefix = arguments.length > 1 ? arguments[1] : "";
    System.out.printf(
        Locale.ROOT,
        "%-16s %9s %9s %7s %9s %9s %7s%n",
        "attention",
        "fwd ms",
        "GFLOP/s",
        "share",
        "bwd ms",
        "GFLOP/s",
        "share");
    try (CpuDevice device = new CpuDevice(threads);
        WorkerPool pool = new WorkerPool(threads)) {
      float[] sink = new float[threads];
      for (AttentionCase attention : AttentionCase.all()) {
        if (attention.name().startsWith(prefix)) {
          report(attention, device, pool, sink);
        }
      }
    }
  }

  private static void report(AttentionCase attention, CpuDevice device, WorkerPool pool, float[] sink) {
    try (TensorArena arena = device.openArena(attention.name())) {
      AttentionCase.Work work = attention.on(device, arena);
      work.verify();
      double[] forward = measure(work::forward, pool, sink);
      double[] backward = measure(work::backward, pool, sink);
      double forwardSpeed = attention.forwardOperations() / forward[0];
      double backwardSpeed = attention.backwardOperations() / backward[0];
      System.out.printf(
          Locale.ROOT,
          "%-16s %9.3f %9.1f %6.1f%% %9.3f %9.1f %6.1f%%%n",
          attention.name(),
          forward[0] / 1e6,
          forwardSpeed,
          100 * forwardSpeed / forward[1],
          backward[0] / 1e6,
          backwardSpeed,
          100 * backwardSpeed / backward[1]);
    }
  }

  /** The shortest time in nanoseconds, and the peak in operations a nanosecond. */
  private static double[] measure(Runnable work, WorkerPool pool, float[] sink) {
    long warm = System.nanoTime() + WARM_UP_NANOS;
    while (System.nanoTime() < warm) {
      MultiplyAddPeak.measure(pool, sink);
      work.run();
    }
    double peak = 0;
    double best = Double.MAX_VALUE;
    long end = System.nanoTime() + NANOS_PER_CASE;
    while (System.nanoTime() < end) {
      peak = Math.max(peak, MultiplyAddPeak.measure(pool, sink));
      long turn = System.nanoTime() + NANOS_PER_TURN;
      do {
        long start = MultiplyAddPeak.clock(pool);
        work.run();
        best = Math.min(best, MultiplyAddPeak.clock(pool) - start);
      } while (System.nanoTime() < turn);
    }
    return new double[] {best, peak};
  }
}
