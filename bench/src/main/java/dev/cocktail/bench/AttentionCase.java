package dev.cocktail.bench;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.util.Collections;
import java.util.List;

/**
 * An attention to be timed.
 *
 * @param sequences how many packed sequences
 * @param length tokens of each
 */
record AttentionCase(String name, int sequences, int length, AttentionShape shape) {
  static List<AttentionCase> all() {
    return List.of(
        of("512", 1, 512, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("512 d96", 1, 512, 8, 8, 96, AttentionShape.NO_WINDOW),
        of("512 d128", 1, 512, 8, 8, 128, AttentionShape.NO_WINDOW),
        of("4 x 512 grouped", 4, 512, 8, 2, 64, AttentionShape.NO_WINDOW),
        of("2048", 1, 2048, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("2048 window", 1, 2048, 8, 8, 96, 263),
        of("16 x 100", 16, 100, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("64 x 32", 64, 32, 8, 8, 64, AttentionShape.NO_WINDOW));
  }

  private static AttentionCase of(
      String name, int sequences, int length, int heads, int kvHeads, int headDim, int window) {
    var shape = new AttentionShape(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), window);
    return new AttentionCase(name, sequences, length, shape);
  }

  /**
   * Floating-point operations of the two products of the forward pass, over the pairs of tokens that see each other.
   */
  double forwardOperations() {
    double pairs = 0;
    for (int i = 0; i < length; i++) {
      pairs += Math.min(i + 1, shape.window());
    }
    return 4 * pairs * sequences * shape.headDim() * shape.heads();
  }

  /** Those of the five products of the backward pass. */
  double backwardOperations() {
    return 2.5 * forwardOperations();
  }

  /** The case on a device, with random numbers. */
  Work on(CpuDevice device, TensorArena arena) {
    var packed = Sequences.ofLengths(device, arena, Collections.nCopies(sequences, length));
    long tokens = packed.tokens();
    Tensor qkv = arena.allocate(DType.F32, tokens, shape.qkvWidth());
    Tensor dOut = arena.allocate(DType.F32, tokens, shape.queryWidth());
    device.ops().normal(qkv, 0, 1, new RandomKey(1, 0));
    device.ops().normal(dOut, 0, 1, new RandomKey(1, 1));
    return new Work(
        device,
        shape,
        packed,
        qkv,
        dOut,
        arena.allocate(DType.F32, tokens, shape.queryWidth()),
        arena.allocate(DType.F32, tokens, shape.heads()),
        arena.allocate(DType.F32, tokens, shape.qkvWidth()));
  }

  /** Tensors of a case and what is timed. */
  record Work(
      CpuDevice device,
      AttentionShape shape,
      Sequences sequences,
      Tensor qkv,
      Tensor dOut,
      Tensor out,
      Tensor lse,
      Tensor dQkv) {
    void forward() {
      device.ops().attention(out, lse, qkv, sequences, shape);
    }

    void backward() {
      device.ops().attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    }

    /** Computes both passes, and requires that they are right. */
    void verify() {
      forward();
      backward();
      requireRight();
    }

    /**
     * Compares what is there with double precision: outputs, logarithms of sums and gradients of some queries, the
     * first and the last of every sequence among them, and the gradients of the last key and value, which the last
     * query alone sees.
     */
    void requireRight() {
      for (int b = 0; b < sequences.count(); b++) {
        int length = sequences.length(b);
        for (int i : new int[] {0, length / 3, length / 2 + 1, length - 1}) {
          for (int head = 0; head < shape.heads(); head++) {
            verify(sequences.offset(b), Math.min(i, length - 1), head);
          }
        }
        for (int head = 0; head < shape.kvHeads(); head++) {
          verifyLastKey(sequences.offset(b), length - 1, head);
        }
      }
    }

    private void verify(long first, int i, int head) {
      int from = Math.max(0, i + 1 - shape.window());
      double[] probabilities = probabilities(first, i, head);
      double logSum = probabilities[probabilities.length - 1];
      require(lse.get((first + i) * shape.heads() + head), logSum, "log of sum", first + i);
      double delta = 0;
      for (int e = 0; e < shape.headDim(); e++) {
        double value = 0;
        for (int j = from; j <= i; j++) {
          value += probabilities[j - from] * value(first + j, head, e);
        }
        require(out.get(outAt(first + i, head, e)), value, "output", first + i);
        delta += value * dOut.get(outAt(first + i, head, e));
      }
      for (int e = 0; e < shape.headDim(); e++) {
        double gradient = 0;
        for (int j = from; j <= i; j++) {
          gradient +=
              scoreGradient(first + i, first + j, head, probabilities[j - from], delta) * key(first + j, head, e);
        }
        require(dQkv.get(queryAt(first + i, head, e)), shape.scale() * gradient, "gradient of the query", first + i);
      }
    }

    private void verifyLastKey(long first, int i, int kvHead) {
      int group = shape.heads() / shape.kvHeads();
      long token = first + i;
      double[] dKey = new double[shape.headDim()];
      double[] dValue = new double[shape.headDim()];
      for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
        double[] probabilities = probabilities(first, i, head);
        double own = probabilities[probabilities.length - 2];
        double delta = 0;
        for (int e = 0; e < shape.headDim(); e++) {
          delta += out.get(outAt(token, head, e)) * dOut.get(outAt(token, head, e));
          dValue[e] += own * dOut.get(outAt(token, head, e));
        }
        double score = scoreGradient(token, token, head, own, delta);
        for (int e = 0; e < shape.headDim(); e++) {
          dKey[e] += shape.scale() * score * qkv.get(queryAt(token, head, e));
        }
      }
      int head = kvHead * group;
      for (int e = 0; e < shape.headDim(); e++) {
        require(dQkv.get(keyAt(token, head, e)), dKey[e], "gradient of the last key", token);
        require(dQkv.get(keyAt(token, head, e) + shape.kvWidth()), dValue[e], "gradient of the last value", token);
      }
    }

    /** Of the keys that query i of a sequence sees, and after them the logarithm of the sum of exponentials. */
    private double[] probabilities(long first, int i, int head) {
      int from = Math.max(0, i + 1 - shape.window());
      double[] found = new double[i - from + 2];
      double largest = Double.NEGATIVE_INFINITY;
      for (int j = from; j <= i; j++) {
        double score = 0;
        for (int e = 0; e < shape.headDim(); e++) {
          score += qkv.get(queryAt(first + i, head, e)) * key(first + j, head, e);
        }
        found[j - from] = shape.scale() * score;
        largest = Math.max(largest, found[j - from]);
      }
      double sum = 0;
      for (int j = from; j <= i; j++) {
        sum += Math.exp(found[j - from] - largest);
      }
      double logSum = largest + Math.log(sum);
      for (int j = from; j <= i; j++) {
        found[j - from] = Math.exp(found[j - from] - logSum);
      }
      found[found.length - 1] = logSum;
      return found;
    }

    private double scoreGradient(long query, long keyToken, int head, double probability, double delta) {
      double dProbability = 0;
      for (int e = 0; e < shape.headDim(); e++) {
        dProbability += dOut.get(outAt(query, head, e)) * value(keyToken, head, e);
      }
      return probability * (dProbability - delta);
    }

    private double key(long token, int head, int e) {
      return qkv.get(keyAt(token, head, e));
    }

    private double value(long token, int head, int e) {
      return qkv.get(keyAt(token, head, e) + shape.kvWidth());
    }

    private long outAt(long token, int head, int e) {
      return token * shape.queryWidth() + (long) head * shape.headDim() + e;
    }

    private long queryAt(long token, int head, int e) {
      return token * shape.qkvWidth() + (long) head * shape.headDim() + e;
    }

    private long keyAt(long token, int head, int e) {
      int kvHead = head / (shape.heads() / shape.kvHeads());
      return token * shape.qkvWidth() + shape.queryWidth() + (long) kvHead * shape.headDim() + e;
    }

    /** Numbers here are of the order of 1, after sums of up to some thousand products. */
    private static void require(double actual, double expected, String what, long token) {
      if (!(Math.abs(actual - expected) <= 1e-4 * (1 + Math.abs(expected)))) {
        throw new IllegalStateException(what + " of token " + token + " is " + actual + " instead of " + expected);
      }
    }
  }
}
