package dev.cocktail.bench;

import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.cpu.MultiplyAddPeak;
import dev.cocktail.tensor.cpu.WorkerPool;
import java.util.Locale;

/**
 * Prints, for every {@link GemmCase}, the speed of its product as a share of the multiply-add peak measured in turns
 * with it. Bests of many short runs, and on one thread its processor time: other work on the machine hides the rest.
 *
 * <p>{@code java --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -cp 'bench/target/lib/*'
 * dev.cocktail.bench.GemmReport [threads [name prefix]]}
 */
public final class GemmReport {
  private static final long WARM_UP_NANOS = 2_000_000_000L;
  private static final long NANOS_PER_CASE = 2_000_000_000L;
  private static final long NANOS_PER_TURN = 3_000_000L;

  private GemmReport() {}

  public static void main(String[] arguments) {
    int threads = arguments.length > 0 ? Integer.parseInt(arguments[0]) : Runtime.getRuntime().availableProcessors();
    String prefix = arguments.length > 1 ? arguments[1] : "";
    System.out.printf(
        Locale.ROOT, "%-18s %-17s %9s %9s %7s %8s%n", "product", "m x n x k", "ms", "GFLOP/s", "share", "GB/s");
    try (CpuDevice device = new CpuDevice(threads);
        WorkerPool pool = new WorkerPool(threads)) {
      float[] sink = new float[threads];
      for (GemmCase shape : GemmCase.all()) {
        if (shape.name().startsWith(prefix)) {
          report(shape, device, pool, sink);
        }
      }
    }
  }

  private static void report(GemmCase shape, CpuDevice device, WorkerPool pool, float[] sink) {
    try (TensorArena arena = device.openArena(shape.name())) {
      GemmCase.Product product = shape.on(device, arena);
      product.verify();
      long warm = System.nanoTime() + WARM_UP_NANOS;
      while (System.nanoTime() < warm) {
        MultiplyAddPeak.measure(pool, sink);
        product.multiply();
      }
      double peak = 0;
      double best = Double.MAX_VALUE;
      long end = System.nanoTime() + NANOS_PER_CASE;
      while (System.nanoTime() < end) {
        peak = Math.max(peak, MultiplyAddPeak.measure(pool, sink));
        long turn = System.nanoTime() + NANOS_PER_TURN;
        long start;
        do {
          start = MultiplyAddPeak.clock(pool);
          product.multiply();
          best = Math.min(best, MultiplyAddPeak.clock(pool) - start);
        } while (System.nanoTime() < turn);
      }
      double speed = shape.operations() / best;
      System.out.printf(
          Locale.ROOT,
          "%-18s %-17s %9.3f %9.1f %6.1f%% %8.1f%n",
          shape.name(),
          shape.m() + "x" + shape.n() + "x" + shape.k(),
          best / 1e6,
          speed,
          100 * speed / peak,
          shape.bytes() / best);
    }
  }
}
