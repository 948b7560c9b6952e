package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.AttentionShape;

/**
 * Attention of one sequence, written as its formula reads, in double precision; beside every result a bound of the
 * error that float arithmetic may make in it.
 */
final class NaiveAttention {
  /** Half the distance from 1 to the next float. */
  private static final double U = Math.ulp(1f) / 2;

  private final AttentionShape shape;
  private final int length;
  private final double[] qkv;
  final double[] out;
  final double[] outBound;
  final double[] lse;
  final double[] lseBound;
  final double[] dQkv;
  final double[] dQkvBound;

  /** The forward pass on qkv [length, (nq + 2 nkv) d]. */
  NaiveAttention(double[] qkv, int length, AttentionShape shape) {
    this.shape = shape;
    this.length = length;
    this.qkv = qkv;
    out = new double[length * shape.queryWidth()];
    outBound = new double[out.length];
    lse = new double[length * shape.heads()];
    lseBound = new double[lse.length];
    dQkv = new double[qkv.length];
    dQkvBound = new double[qkv.length];
    for (int i = 0; i < length; i++) {
      for (int head = 0; head < shape.heads(); head++) {
        forward(i, head);
      }
    }
  }

  private void forward(int i, int head) {
    int d = shape.headDim();
    int first = first(i);
    double[] score = new double[i + 1 - first];
    double max = Double.NEGATIVE_INFINITY;
    double scoreBound = 0;
    for (int j = first; j <= i; j++) {
      score[j - first] = score(i, j, head);
      max = Math.max(max, score[j - first]);
      scoreBound = Math.max(scoreBound, scoreBound(i, j, head));
    }
    double sum = 0;
    for (double s : score) {
      sum += Math.exp(s - max);
    }
    int row = i * shape.heads() + head;
    lse[row] = max + Math.log(sum);
    // The sum of n exponentials, each off by a few units and by its score's error.
    double relative = scoreBound + (score.length + 8) * U;
    lseBound[row] = relative + 2 * U * Math.abs(lse[row]);
    for (int j = first; j <= i; j++) {
      double p = Math.exp(score[j - first] - lse[row]);
      for (int e = 0; e < d; e++) {
        double v = qkv[value(j, head) + e];
        out[(row * d) + e] += p * v;
        outBound[row * d + e] += p * Math.abs(v) * (2 * relative + (score.length + 8) * U);
      }
    }
  }

  /** The backward pass; dOut [length, nq d]. */
  void backward(double[] dOut) {
    int d = shape.headDim();
    for (int head = 0; head < shape.heads(); head++) {
      for (int i = 0; i < length; i++) {
        int row = i * shape.heads() + head;
        double delta = 0;
        double deltaBound = 0;
        for (int e = 0; e < d; e++) {
          double g = dOut[row * d + e];
          delta += g * out[row * d + e];
          deltaBound += Math.abs(g) * (outBound[row * d + e] + (d + 2) * U * Math.abs(out[row * d + e]));
        }
        for (int j = first(i); j <= i; j++) {
          double p = Math.exp(score(i, j, head) - lse[row]);
          double pBound = p * (scoreBound(i, j, head) + lseBound[row] + (8 + Math.abs(score(i, j, head))) * U);
          double dP = 0;
          double dPBound = 0;
          for (int e = 0; e < d; e++) {
            double term = dOut[row * d + e] * qkv[value(j, head) + e];
            dP += term;
            dPBound += (d + 2) * U * Math.abs(term);
          }
          double dScore = p * (dP - delta);
          double dScoreBound = pBound * Math.abs(dP - delta) + p * (dPBound + deltaBound) + 4 * U * Math.abs(dScore);
          for (int e = 0; e < d; e++) {
            double g = dOut[row * d + e];
            add(value(j, head) + e, p * g, pBound * Math.abs(g));
            double k = shape.scale() * qkv[key(j, head) + e];
            add(query(i, head) + e, dScore * k, dScoreBound * Math.abs(k));
            double q = shape.scale() * qkv[query(i, head) + e];
            add(key(j, head) + e, dScore * q, dScoreBound * Math.abs(q));
          }
        }
      }
    }
  }

  private void add(int index, double term, double bound) {
    dQkv[index] += term;
    int group = shape.heads() / shape.kvHeads();
    dQkvBound[index] += bound + (length * group + 4) * U * Math.abs(term);
  }

  private double score(int i, int j, int head) {
    double sum = 0;
    for (int e = 0; e < shape.headDim(); e++) {
      sum += qkv[query(i, head) + e] * qkv[key(j, head) + e];
    }
    return shape.scale() * sum;
  }

  private double scoreBound(int i, int j, int head) {
    double sum = 0;
    for (int e = 0; e < shape.headDim(); e++) {
      sum += Math.abs(qkv[query(i, head) + e] * qkv[key(j, head) + e]);
    }
    return (shape.headDim() + 4) * U * shape.scale() * sum;
  }

  private int first(int i) {
    return (int) Math.max(0, (long) i - shape.window() + 1);
  }

  private int query(int token, int head) {
    return token * shape.qkvWidth() + head * shape.headDim();
  }

  private int key(int token, int head) {
    int kvHead = head / (shape.heads() / shape.kvHeads());
    return token * shape.qkvWidth() + shape.queryWidth() + kvHead * shape.headDim();
  }

  private int value(int token, int head) {
    return key(token, head) + shape.kvWidth();
  }
}
