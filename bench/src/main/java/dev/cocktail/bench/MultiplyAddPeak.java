package dev.cocktail.bench;

import dev.cocktail.tensor.cpu.WorkerPool;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What the machine's multiply-add units can do when nothing but registers is involved: the measure of matrix products.
 */
final class MultiplyAddPeak {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
  private static final int CHAINS = 12;
  private static final int STEPS = 200_000;

  private MultiplyAddPeak() {}

  /** Floating-point operations a nanosecond of one burst of about half a millisecond on every thread of the pool. */
  static double measure(WorkerPool pool, float[] sink) {
    long start = clock(pool);
    pool.run(pool.threads(), i -> sink[i] += burst(STEPS, 1e-3f, 1e-3f));
    return 2.0 * CHAINS * STEPS * SPECIES.length() * pool.threads() / (clock(pool) - start);
  }

  /** Nanoseconds of the only thread's processor time, or of the clock on the wall where several threads work. */
  static long clock(WorkerPool pool) {
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
