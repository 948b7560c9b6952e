package dev.cocktail.tensor.cpu;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the machine's multiply-add units can do when nothing but registers is involved: the measure of matrix products.
 */
public final class MultiplyAddPeak {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int CHAINS = 12;
  private static final int STEPS = 200_000;

  /** Until these are over, the compiler may still be at work on the burst. */
  private static final int WARM_UP_STEPS = 2_000;

  private static final long WARM_UP_NANOS = 150_000_000;
  private static final int TRIES = 20;

  /** Operations a second by the number of threads: the machine stays the same while a program runs. */
  private static final Map<Integer, Double> KNOWN = new ConcurrentHashMap<>();

  private MultiplyAddPeak() {}

  /** Floating-point operations a nanosecond of one burst of about half a millisecond on every thread of the pool. */
  public static double measure(WorkerPool pool, float[] sink) {
    return measure(pool, sink, STEPS);
  }

  private static double measure(WorkerPool pool, float[] sink, int steps) {
    long start = clock(pool);
    pool.run(pool.threads(), i -> sink[i] += burst(steps, 1e-3f, 1e-3f));
    return 2.0 * CHAINS * steps * SPECIES.length() * pool.threads() / (clock(pool) - start);
  }

  /** Floating-point operations a second at best, measured once for a number of threads, in about 0.2 seconds. */
  static double perSecond(WorkerPool pool) {
    return KNOWN.computeIfAbsent(
        pool.threads(),
        _ -> {
          var sink = new float[pool.threads()];
          for (long start = System.nanoTime(); System.nanoTime() - start < WARM_UP_NANOS; ) {
            measure(pool, sink, WARM_UP_STEPS);
          }
          double best = 0;
          for (int i = 0; i < TRIES; i++) {
            best = Math.max(best, measure(pool, sink));
          }
          return 1e9 * best;
        });
  }

  /** Nanoseconds of the only thread's processor time, or of the clock on the wall where several threads work. */
  public static long clock(WorkerPool pool) {
    return pool.threads() == 1 ? THREADS.getCurrentThreadCpuTime() : System.nanoTime();
  }

  /** Twelve sums that do not depend on each other cover the latency of the additions. */
  private static float burst(int steps, float x, float y) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    FloatVector s8 = s0;
    FloatVector s9 = s0;
    FloatVector s10 = s0;
    FloatVector s11 = s0;
    FloatVector a = FloatVector.broadcast(SPECIES, x);
    FloatVector b = FloatVector.broadcast(SPECIES, y);
    for (int i = 0; i < steps; i++) {
      s0 = a.fma(b, s0);
      s1 = a.fma(b, s1);
      s2 = a.fma(b, s2);
      s3 = a.fma(b, s3);
      s4 = a.fma(b, s4);
      s5 = a.fma(b, s5);
      s6 = a.fma(b, s6);
      s7 = a.fma(b, s7);
      s8 = a.fma(b, s8);
      s9 = a.fma(b, s9);
      s10 = a.fma(b, s10);
      s11 = a.fma(b, s11);
    }
    return s0.add(s1)
        .add(s2)
        .add(s3)
        .add(s4)
        .add(s5)
        .add(s6)
        .add(s7)
        .add(s8)
        .add(s9)
        .add(s10)
        .add(s11)
        .reduceLanes(VectorOperators.ADD);
  }
}
