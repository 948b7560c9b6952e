package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.COUNT;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.Tensor;
import java.util.List;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The norm of all gradients together, and the AdamW step. */
final class OptimizerOps {
  private static final VectorSpecies<Double> DOUBLES = Lanes.FLOATS.withLanes(double.class);

  private final WorkerPool pool;

  OptimizerOps(WorkerPool pool) {
    this.pool = pool;
  }

  /** A run of elements of one of several tensors, {@link Chunks#ELEMENTS} at most: a task, counted over all tensors. */
  private record Piece(int tensor, long from, int count) {
    /** Cuts every tensor into pieces. */
    static Piece[] of(List<Tensor> tensors) {
      int pieces = 0;
      for (Tensor tensor : tensors) {
        pieces += Math.toIntExact((tensor.elements() + Chunks.ELEMENTS - 1) / Chunks.ELEMENTS);
      }
      var all = new Piece[pieces];
      int next = 0;
      for (int i = 0; i < tensors.size(); i++) {
        long elements = tensors.get(i).elements();
        for (long from = 0; from < elements; from += Chunks.ELEMENTS) {
          all[next++] = new Piece(i, from, (int) Math.min(Chunks.ELEMENTS, elements - from));
        }
      }
      return all;
    }
  }

  private static long[] addresses(List<Tensor> tensors) {
    return tensors.stream().mapToLong(Floats::at).toArray();
  }

  void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    long normAddress = Floats.at(norm);
    long scaleAddress = Floats.at(scale);
    long[] addresses = addresses(gradients);
    Piece[] pieces = Piece.of(gradients);
    double[] sums = new double[pieces.length];
    pool.run(
        pieces.length,
        i -> {
          Piece piece = pieces[i];
          sums[i] = sumOfSquares(addresses[piece.tensor] + 4 * piece.from, piece.count);
        });
    double total = Math.sqrt(Floats.sum(sums));
    Floats.set(normAddress, (float) total);
    boolean unlimited = maxNorm == Double.POSITIVE_INFINITY;
    Floats.set(scaleAddress, unlimited ? 1f : (float) Math.min(1, maxNorm / (total + 1e-6)));
  }

  /** In double: the square of a large gradient exceeds a float. */
  private static double sumOfSquares(long x, int count) {
    DoubleVector even = DoubleVector.zero(DOUBLES);
    DoubleVector odd = even;
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      FloatVector values = Floats.load(x + 4L * i);
      var low = (DoubleVector) values.convertShape(VectorOperators.F2D, DOUBLES, 0);
      var high = (DoubleVector) values.convertShape(VectorOperators.F2D, DOUBLES, 1);
      even = low.fma(low, even);
      odd = high.fma(high, odd);
    }
    double[] lanes = new double[DOUBLES.length()];
    even.add(odd).intoArray(lanes, 0);
    double sum = Floats.sum(lanes);
    for (; i < count; i++) {
      double value = Floats.get(x + 4L * i);
      sum = Math.fma(value, value, sum);
    }
    return sum;
  }

  /** The factors of one step that are the same for every element. */
  private record Factors(
      float scale,
      float keep,
      float beta1,
      float rest1,
      float beta2,
      float rest2,
      float rate,
      float correction2,
      float epsilon) {
    static Factors of(AdamW step, float scale) {
      double correction1 = 1 - StrictMath.pow(step.beta1(), step.step());
      double correction2 = 1 - StrictMath.pow(step.beta2(), step.step());
      return new Factors(
          scale,
          (float) (1 - step.learningRate() * step.weightDecay()),
          (float) step.beta1(),
          (float) (1 - step.beta1()),
          (float) step.beta2(),
          (float) (1 - step.beta2()),
          (float) (step.learningRate() / correction1),
          (float) (1 / Math.sqrt(correction2)),
          (float) step.epsilon());
    }
  }

  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    Factors factors = Factors.of(step, Floats.get(Floats.at(scale)));
    long[] p = addresses(parameters);
    long[] g = addresses(gradients);
    long[] m = addresses(firstMoments);
    long[] v = addresses(secondMoments);
    Piece[] pieces = Piece.of(parameters);
    pool.run(
        pieces.length,
        i -> {
          int tensor = pieces[i].tensor;
          long offset = 4 * pieces[i].from;
          update(
              p[tensor] + offset, g[tensor] + offset, m[tensor] + offset, v[tensor] + offset, factors, pieces[i].count);
        });
  }

  private static void update(long p, long g, long m, long v, Factors factors, int count) {
    VectorMask<Float> all = Lanes.FLOATS.maskAll(true);
    int i = 0;
    for (; i <= count - COUNT; i += COUNT) {
      update(p + 4L * i, g + 4L * i, m + 4L * i, v + 4L * i, factors, all);
    }
    if (i < count) {
      update(p + 4L * i, g + 4L * i, m + 4L * i, v + 4L * i, factors, Floats.tail(i, count));
    }
  }

  private static void update(long p, long g, long m, long v, Factors f, VectorMask<Float> lanes) {
    FloatVector gradient = Floats.load(g, lanes).mul(f.scale);
    FloatVector first = Floats.load(m, lanes).mul(f.beta1).add(gradient.mul(f.rest1));
    FloatVector second = Floats.load(v, lanes).mul(f.beta2).add(gradient.mul(gradient).mul(f.rest2));
    Floats.store(m, first, lanes);
    Floats.store(v, second, lanes);
    FloatVector denominator = second.sqrt().mul(f.correction2).add(f.epsilon);
    FloatVector kept = Floats.load(p, lanes).mul(f.keep);
    Floats.store(p, kept.sub(first.mul(f.rate).div(denominator)), lanes);
  }
}
