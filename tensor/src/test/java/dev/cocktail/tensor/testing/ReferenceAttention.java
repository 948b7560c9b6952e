package dev.cocktail.tensor.testing;

import static dev.cocktail.tensor.testing.Values.columns;
import static dev.cocktail.tensor.testing.Values.read;
import static dev.cocktail.tensor.testing.Values.readInts;
import static dev.cocktail.tensor.testing.Values.rows;
import static dev.cocktail.tensor.testing.Values.write;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;

/** The operations of {@link ReferenceOps} that know about heads: rotary embedding, attention, the cache. */
final class ReferenceAttention {
  private ReferenceAttention() {}

  /** qkv [T, (nq + 2 nkv) d], cos and sin [P, rot/2], rowOfToken [T]. */
  static void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    Expect.rank("qkv", qkv, 2);
    Expect.rank("cos", cos, 2);
    int tokens = rows(qkv);
    int width = shape.qkvWidth();
    int half = columns(cos);
    Expect.value("qkv", qkv, tokens, width);
    Expect.value("cos", cos, rows(cos), half);
    Expect.value("sin", sin, rows(cos), half);
    Expect.ints("rowOfToken", rowOfToken, tokens);
    Expect.require(2 * half <= shape.headDim(), "cos rotates " + 2 * half + " elements of heads of " + shape.headDim());
    double[] x = read(qkv);
    double[] cosine = read(cos);
    double[] sine = read(sin);
    int[] row = readInts(rowOfToken);
    for (int t = 0; t < tokens; t++) {
      Expect.index("rowOfToken " + t, row[t], rows(cos));
      for (int head = 0; head < shape.heads() + shape.kvHeads(); head++) {
        int start = t * width + head * shape.headDim();
        for (int j = 0; j < half; j++) {
          double a = x[start + j];
          double b = x[start + j + half];
          double c = cosine[row[t] * half + j];
          double s = inverse ? -sine[row[t] * half + j] : sine[row[t] * half + j];
          x[start + j] = a * c - b * s;
          x[start + j + half] = b * c + a * s;
        }
      }
    }
    write(qkv, x);
  }

  /** out [T, nq d], lse [T, nq], qkv [T, (nq + 2 nkv) d]. */
  static void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    int tokens = sequences.tokens();
    Expect.value("out", out, tokens, shape.queryWidth());
    Expect.value("lse", lse, tokens, shape.heads());
    Expect.value("qkv", qkv, tokens, shape.qkvWidth());
    double[] x = read(qkv);
    double[] y = new double[tokens * shape.queryWidth()];
    double[] logSum = new double[tokens * shape.heads()];
    int d = shape.headDim();
    for (int b = 0; b < sequences.count(); b++) {
      for (int i = sequences.offset(b); i < sequences.offset(b + 1); i++) {
        for (int head = 0; head < shape.heads(); head++) {
          int first = firstKey(sequences.offset(b), i, shape);
          double[] score = new double[i + 1 - first];
          double max = Double.NEGATIVE_INFINITY;
          for (int j = first; j <= i; j++) {
            score[j - first] = shape.scale() * dot(x, query(shape, i, head), x, key(shape, j, head), d);
            max = Math.max(max, score[j - first]);
          }
          double sum = 0;
          for (double s : score) {
            sum += Math.exp(s - max);
          }
          logSum[i * shape.heads() + head] = max + Math.log(sum);
          for (int j = first; j <= i; j++) {
            double p = Math.exp(score[j - first] - max) / sum;
            for (int e = 0; e < d; e++) {
              y[output(shape, i, head) + e] += p * x[value(shape, j, head) + e];
            }
          }
        }
      }
    }
    write(out, y);
    write(lse, logSum);
  }

  /** dQkv and qkv [T, (nq + 2 nkv) d], dOut and out [T, nq d], lse [T, nq]. */
  static void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    int tokens = sequences.tokens();
    Expect.value("dQkv", dQkv, tokens, shape.qkvWidth());
    Expect.value("dOut", dOut, tokens, shape.queryWidth());
    Expect.value("out", out, tokens, shape.queryWidth());
    Expect.value("lse", lse, tokens, shape.heads());
    Expect.value("qkv", qkv, tokens, shape.qkvWidth());
    double[] x = read(qkv);
    double[] y = read(out);
    double[] dY = read(dOut);
    double[] logSum = read(lse);
    double[] dX = new double[x.length];
    int d = shape.headDim();
    for (int b = 0; b < sequences.count(); b++) {
      for (int i = sequences.offset(b); i < sequences.offset(b + 1); i++) {
        for (int head = 0; head < shape.heads(); head++) {
          int o = output(shape, i, head);
          int q = query(shape, i, head);
          for (int j = firstKey(sequences.offset(b), i, shape); j <= i; j++) {
            int k = key(shape, j, head);
            int v = value(shape, j, head);
            double p = Math.exp(shape.scale() * dot(x, q, x, k, d) - logSum[i * shape.heads() + head]);
            double dScore = p * (dot(dY, o, x, v, d) - dot(dY, o, y, o, d));
            for (int e = 0; e < d; e++) {
              dX[v + e] += p * dY[o + e];
              dX[q + e] += shape.scale() * dScore * x[k + e];
              dX[k + e] += shape.scale() * dScore * x[q + e];
            }
          }
        }
      }
    }
    write(dQkv, dX);
  }

  /** keys and values [slots, capacity, nkv d], qkv [T, (nq + 2 nkv) d], slots and starts [B]. */
  static void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    expectCache(keys, values, shape);
    Expect.value("qkv", qkv, sequences.tokens(), shape.qkvWidth());
    Expect.ints("slots", slots, sequences.count());
    Expect.ints("starts", starts, sequences.count());
    int capacity = columns(keys);
    for (int b = 0; b < sequences.count(); b++) {
      Expect.index("slot " + b, slots.getInt(b), rows(keys));
      for (int i = 0; i < sequences.length(b); i++) {
        int row = starts.getInt(b) + i;
        Expect.index("row of the cache", row, capacity);
        long target = ((long) slots.getInt(b) * capacity + row) * shape.kvWidth();
        long from = (long) (sequences.offset(b) + i) * shape.qkvWidth() + shape.queryWidth();
        for (int e = 0; e < shape.kvWidth(); e++) {
          keys.set(target + e, qkv.get(from + e));
          values.set(target + e, qkv.get(from + shape.kvWidth() + e));
        }
      }
    }
  }

  /** out [B, nq d], qkv [B, (nq + 2 nkv) d], keys and values [slots, capacity, nkv d], slots and lengths [B]. */
  static void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    Expect.rank("qkv", qkv, 2);
    int sequences = rows(qkv);
    expectCache(keys, values, shape);
    Expect.value("out", out, sequences, shape.queryWidth());
    Expect.value("qkv", qkv, sequences, shape.qkvWidth());
    Expect.ints("slots", slots, sequences);
    Expect.ints("lengths", lengths, sequences);
    double[] x = read(qkv);
    double[] y = new double[sequences * shape.queryWidth()];
    double[] allKeys = read(keys);
    double[] allValues = read(values);
    int d = shape.headDim();
    int capacity = columns(keys);
    for (int b = 0; b < sequences; b++) {
      int length = lengths.getInt(b);
      Expect.index("slot " + b, slots.getInt(b), rows(keys));
      Expect.require(length >= 1 && length <= capacity && length <= longest, "length " + b + " is " + length);
      for (int head = 0; head < shape.heads(); head++) {
        double[] score = new double[length];
        double max = Double.NEGATIVE_INFINITY;
        int first = firstKey(0, length - 1, shape);
        for (int j = first; j < length; j++) {
          score[j] =
              shape.scale() * dot(x, query(shape, b, head), allKeys, cached(shape, slots, b, capacity, j, head), d);
          max = Math.max(max, score[j]);
        }
        double sum = 0;
        for (int j = first; j < length; j++) {
          sum += Math.exp(score[j] - max);
        }
        for (int j = first; j < length; j++) {
          double p = Math.exp(score[j] - max) / sum;
          for (int e = 0; e < d; e++) {
            y[output(shape, b, head) + e] += p * allValues[cached(shape, slots, b, capacity, j, head) + e];
          }
        }
      }
    }
    write(out, y);
  }

  private static void expectCache(Tensor keys, Tensor values, AttentionShape shape) {
    Expect.rank("keys", keys, 3);
    Expect.value("keys", keys, keys.dim(0), keys.dim(1), shape.kvWidth());
    Expect.value("values", values, keys.dim(0), keys.dim(1), shape.kvWidth());
  }

  /** The first token in sight of token i: the window holds i and the window - 1 tokens before it. */
  private static int firstKey(int startOfSequence, int i, AttentionShape shape) {
    return (int) Math.max(startOfSequence, (long) i - shape.window() + 1);
  }

  private static int query(AttentionShape shape, int token, int head) {
    return token * shape.qkvWidth() + head * shape.headDim();
  }

  private static int key(AttentionShape shape, int token, int head) {
    return token * shape.qkvWidth() + shape.queryWidth() + kvHead(shape, head) * shape.headDim();
  }

  private static int value(AttentionShape shape, int token, int head) {
    return key(shape, token, head) + shape.kvWidth();
  }

  private static int output(AttentionShape shape, int token, int head) {
    return token * shape.queryWidth() + head * shape.headDim();
  }

  private static int cached(AttentionShape shape, Tensor slots, int sequence, int capacity, int row, int head) {
    return (slots.getInt(sequence) * capacity + row) * shape.kvWidth() + kvHead(shape, head) * shape.headDim();
  }

  private static int kvHead(AttentionShape shape, int head) {
    return head / (shape.heads() / shape.kvHeads());
  }

  private static double dot(double[] a, int fromA, double[] b, int fromB, int length) {
    double sum = 0;
    for (int e = 0; e < length; e++) {
      sum += a[fromA + e] * b[fromB + e];
    }
    return sum;
  }
}
