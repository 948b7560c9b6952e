package dev.cocktail.tensor.testing;

import static java.lang.Math.abs;
import static java.lang.Math.max;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;

/**
 * How far attention may err, from the lengths of its sums and the norms of queries, keys, values and gradients. A score
 * is a sum of d products, so it errs by at most {@code e = (d + 8) u scale |q| |k|}; its exponential then errs by the
 * factor {@code exp(2 e)} once the largest, which errs as much, has been taken off; weights may be stored as
 * activations.
 */
final class AttentionBounds {
  private final AttentionShape shape;
  private final Tolerance tolerance;
  private final double[] qkv;
  private final double u;

  AttentionBounds(AttentionShape shape, Tolerance tolerance, double[] qkv) {
    this.shape = shape;
    this.tolerance = tolerance;
    this.qkv = qkv;
    this.u = tolerance.accumulator();
  }

  private int query(int i, int head) {
    return i * shape.qkvWidth() + head * shape.headDim();
  }

  private int key(int j, int head) {
    return j * shape.qkvWidth() + shape.queryWidth() + head / (shape.heads() / shape.kvHeads()) * shape.headDim();
  }

  private int value(int j, int head) {
    return key(j, head) + shape.kvWidth();
  }

  private int first(int start, int i) {
    return (int) max(start, (long) i - shape.window() + 1);
  }

  private double norm(double[] x, int from) {
    double squares = 0;
    for (int e = 0; e < shape.headDim(); e++) {
      squares += x[from + e] * x[from + e];
    }
    return Math.sqrt(squares);
  }

  private double scoreError(int i, int head, int from, int to) {
    double longest = 0;
    for (int j = from; j <= to; j++) {
      longest = max(longest, norm(qkv, key(j, head)));
    }
    return (shape.headDim() + 8) * u * abs(shape.scale()) * norm(qkv, query(i, head)) * longest;
  }

  /** Of out [T, nq d]. */
  double[] out(Sequences sequences) {
    double[] bound = new double[sequences.tokens() * shape.queryWidth()];
    for (int b = 0; b < sequences.count(); b++) {
      for (int i = sequences.offset(b); i < sequences.offset(b + 1); i++) {
        out(bound, i * shape.queryWidth(), i, first(sequences.offset(b), i), i);
      }
    }
    return bound;
  }

  /** Of one query's output, over keys from..to of which this has the numbers. */
  private void out(double[] bound, int at, int i, int from, int to) {
    for (int head = 0; head < shape.heads(); head++) {
      double relative =
          Math.expm1(2 * scoreError(i, head, from, to)) + (to - from + 16) * u + 2 * tolerance.activation();
      for (int e = 0; e < shape.headDim(); e++) {
        double largest = 0;
        for (int j = from; j <= to; j++) {
          largest = max(largest, abs(qkv[value(j, head) + e]));
        }
        bound[at + head * shape.headDim() + e] = relative * largest + 4 * tolerance.tiny() * (to - from + 1);
      }
    }
  }

  /** Of lse [T, nq]. */
  double[] lse(Sequences sequences, double[] lse) {
    double[] bound = new double[lse.length];
    for (int b = 0; b < sequences.count(); b++) {
      for (int i = sequences.offset(b); i < sequences.offset(b + 1); i++) {
        for (int head = 0; head < shape.heads(); head++) {
          int at = i * shape.heads() + head;
          int from = first(sequences.offset(b), i);
          bound[at] = 2 * scoreError(i, head, from, i) + (i - from + 16) * u + 4 * u * abs(lse[at]);
        }
      }
    }
    return bound;
  }

  /** Of dQkv [T, (nq + 2 nkv) d]: the magnitudes of all terms, times their relative errors. */
  double[] dQkv(Sequences sequences, double[] dOut, double[] out, double[] lse) {
    double[] bound = new double[qkv.length];
    int d = shape.headDim();
    int group = shape.heads() / shape.kvHeads();
    for (int b = 0; b < sequences.count(); b++) {
      for (int i = sequences.offset(b); i < sequences.offset(b + 1); i++) {
        for (int head = 0; head < shape.heads(); head++) {
          int o = i * shape.queryWidth() + head * d;
          int q = query(i, head);
          double logSum = lse[i * shape.heads() + head];
          for (int j = first(sequences.offset(b), i); j <= i; j++) {
            int k = key(j, head);
            int v = value(j, head);
            double score = 0;
            for (int e = 0; e < d; e++) {
              score += shape.scale() * qkv[q + e] * qkv[k + e];
            }
            double p = Math.exp(score - logSum);
            double exponent = scoreError(i, head, j, j) + 4 * u * (abs(score) + abs(logSum));
            double relative =
                Math.expm1(2 * exponent)
                    + (d + (double) group * sequences.length(b) + 24) * u
                    + 3 * tolerance.activation();
            double dScore = p * norm(dOut, o) * (norm(qkv, v) + norm(out, o)) * abs(shape.scale());
            for (int e = 0; e < d; e++) {
              bound[v + e] += relative * p * abs(dOut[o + e]) + 4 * tolerance.tiny();
              bound[q + e] += relative * dScore * abs(qkv[k + e]) + 4 * tolerance.tiny();
              bound[k + e] += relative * dScore * abs(qkv[q + e]) + 4 * tolerance.tiny();
            }
          }
        }
      }
    }
    return bound;
  }

  /** Of decoding's out [B, nq d]: like attention's, over keys and values gathered from the cache. */
  static double[] decode(
      AttentionShape shape,
      Tolerance tolerance,
      double[] queries,
      double[] keys,
      double[] values,
      int capacity,
      int[] slots,
      int[] lengths) {
    double[] bound = new double[slots.length * shape.queryWidth()];
    for (int b = 0; b < slots.length; b++) {
      double[] packed = new double[lengths[b] * shape.qkvWidth()];
      for (int j = 0; j < lengths[b]; j++) {
        int row = (slots[b] * capacity + j) * shape.kvWidth();
        int to = j * shape.qkvWidth() + shape.queryWidth();
        System.arraycopy(keys, row, packed, to, shape.kvWidth());
        System.arraycopy(values, row, packed, to + shape.kvWidth(), shape.kvWidth());
      }
      int last = lengths[b] - 1;
      System.arraycopy(queries, b * shape.qkvWidth(), packed, last * shape.qkvWidth(), shape.queryWidth());
      var bounds = new AttentionBounds(shape, tolerance, packed);
      bounds.out(bound, b * shape.queryWidth(), last, bounds.first(0, last), last);
    }
    return bound;
  }
}
