package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The judge judged: every backward operation of the reference against differences of its forward operation. */
class ReferenceGradientTest {
  private final ReferenceDevice device = new ReferenceDevice();
  private final Ops ops = device.ops();
  private TensorArena arena;

  @BeforeEach
  void open() {
    arena = device.openArena("test");
  }

  @AfterEach
  void close() {
    arena.close();
    device.close();
  }

  /** Fills an output from the current inputs. */
  private interface Forward {
    void run(Tensor out);
  }

  private Tensor normal(Random random, long... dims) {
    Tensor tensor = arena.allocate(DType.F64, dims);
    Values.write(tensor, Values.normal(random, tensor.elements()));
    return tensor;
  }

  private Tensor ints(int... values) {
    Tensor tensor = arena.allocate(DType.I32, values.length);
    device.copyFromHost(tensor, Tensor.ofInts(values));
    return tensor;
  }

  private Tensor like(Tensor tensor) {
    return arena.allocate(tensor.dtype(), tensor.shape());
  }

  /**
   * Checks a gradient that the backward operation writes.
   *
   * @param backward writes the gradient of {@code sum(dOut * out)} with respect to {@code at} into its argument
   */
  private void check(
      String what, Forward forward, Tensor out, Tensor dOut, Tensor at, Consumer<Tensor> backward, Random random) {
    Tensor gradient = like(at);
    forward.run(out);
    backward.accept(gradient);
    FiniteDifferences.check(
        what,
        () -> {
          forward.run(out);
          return Values.dot(Values.read(dOut), Values.read(out));
        },
        at,
        Values.read(gradient),
        random);
  }

  /** The same for one that adds: started from known numbers, which are taken off again. */
  private void checkAdding(
      String what, Forward forward, Tensor out, Tensor dOut, Tensor at, Consumer<Tensor> backward, Random random) {
    check(
        what + ", adding",
        forward,
        out,
        dOut,
        at,
        gradient -> {
          double[] before = Values.normal(random, gradient.elements());
          Values.write(gradient, before);
          backward.accept(gradient);
          for (int i = 0; i < before.length; i++) {
            gradient.set(i, gradient.get(i) - before[i]);
          }
        },
        random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void scaleColumns(long seed) {
    var random = new Random(seed);
    Tensor in = normal(random, 5, 3);
    Tensor factors = normal(random, 3);
    Tensor out = like(in);
    Tensor dOut = normal(random, 5, 3);
    Forward forward = y -> ops.scaleColumns(y, in, factors);
    check("dIn", forward, out, dOut, in, g -> ops.scaleColumnsBackward(g, false, null, dOut, in, factors), random);
    checkAdding("dIn", forward, out, dOut, in, g -> ops.scaleColumnsBackward(g, true, null, dOut, in, factors), random);
    checkAdding(
        "dFactors",
        forward,
        out,
        dOut,
        factors,
        g -> ops.scaleColumnsBackward(null, false, g, dOut, in, factors),
        random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void divideAndDropoutAreTheirOwnBackward(long seed) {
    var random = new Random(seed);
    Tensor in = normal(random, 31);
    Tensor divisor = normal(random, 31);
    Tensor out = like(in);
    Tensor dOut = normal(random, 31);
    for (int i = 0; i < 31; i++) {
      divisor.set(i, 2 + Math.abs(divisor.get(i)));
    }
    Forward divide = y -> ops.divide(y, false, in, divisor);
    check("divide", divide, out, dOut, in, g -> ops.divide(g, false, dOut, divisor), random);
    checkAdding("divide", divide, out, dOut, in, g -> ops.divide(g, true, dOut, divisor), random);
    var key = new RandomKey(seed, 7);
    Forward dropout = y -> ops.dropout(y, false, in, 0.3, key);
    check("dropout", dropout, out, dOut, in, g -> ops.dropout(g, false, dOut, 0.3, key), random);
    checkAdding("dropout", dropout, out, dOut, in, g -> ops.dropout(g, true, dOut, 0.3, key), random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void gemmGoesBackThroughItself(long bits) {
    var random = new Random(bits);
    boolean transposeA = (bits & 1) == 1;
    boolean transposeB = (bits & 2) == 2;
    Tensor a = transposeA ? normal(random, 5, 3) : normal(random, 3, 5);
    Tensor b = transposeB ? normal(random, 4, 5) : normal(random, 5, 4);
    Tensor start = normal(random, 3, 4);
    Tensor out = like(start);
    Tensor dOut = normal(random, 3, 4);
    Forward forward =
        c -> {
          ops.cast(c, start);
          ops.gemm(c, 1.5, a, transposeA, b, transposeB, -0.5);
        };
    // d op(A) = alpha dC op(B)^T and d op(B) = alpha op(A)^T dC, transposed where the operand is.
    check(
        "dA",
        forward,
        out,
        dOut,
        a,
        g -> {
          if (transposeA) {
            ops.gemm(g, 1.5, b, transposeB, dOut, true, 0);
          } else {
            ops.gemm(g, 1.5, dOut, false, b, !transposeB, 0);
          }
        },
        random);
    checkAdding(
        "dB",
        forward,
        out,
        dOut,
        b,
        g -> {
          if (transposeB) {
            ops.gemm(g, 1.5, dOut, true, a, transposeA, 1);
          } else {
            ops.gemm(g, 1.5, a, !transposeA, dOut, false, 1);
          }
        },
        random);
    check(
        "dC",
        forward,
        out,
        dOut,
        start,
        g -> {
          ops.cast(g, dOut);
          ops.scale(g, -0.5);
        },
        random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void embedding(long seed) {
    var random = new Random(seed);
    Tensor weight = normal(random, 4, 3);
    Tensor ids = ints(3, 0, 3, 1, 3);
    Tensor out = arena.allocate(DType.F64, 5, 3);
    Tensor dOut = normal(random, 5, 3);
    checkAdding(
        "dWeight",
        y -> ops.embedding(y, weight, ids),
        out,
        dOut,
        weight,
        g -> ops.embeddingBackward(g, dOut, ids),
        random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void rmsNorm(long seed) {
    var random = new Random(seed);
    Tensor x = normal(random, 4, 7);
    Tensor residual = normal(random, 4, 7);
    Tensor sum = like(x);
    Tensor weight = normal(random, 7);
    Tensor rstd = arena.allocate(DType.F64, 4);
    Tensor out = like(x);
    Tensor dOut = normal(random, 4, 7);
    Forward forward = y -> ops.rmsNorm(y, rstd, sum, x, residual, weight, 0.01);
    for (Tensor at : List.of(x, residual)) {
      check("dX", forward, out, dOut, at, g -> ops.rmsNormBackward(g, false, null, dOut, sum, weight, rstd), random);
      checkAdding(
          "dX", forward, out, dOut, at, g -> ops.rmsNormBackward(g, true, null, dOut, sum, weight, rstd), random);
    }
    checkAdding(
        "dWeight",
        forward,
        out,
        dOut,
        weight,
        g -> ops.rmsNormBackward(null, false, g, dOut, sum, weight, rstd),
        random);
    Forward alone = y -> ops.rmsNorm(y, rstd, null, x, null, weight, 0.01);
    check("dX alone", alone, out, dOut, x, g -> ops.rmsNormBackward(g, false, null, dOut, x, weight, rstd), random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void ropeGoesBackByItsTranspose(long seed) {
    var random = new Random(seed);
    var shape = new AttentionShape(2, 1, 6, 1, AttentionShape.NO_WINDOW);
    Tensor start = normal(random, 3, shape.qkvWidth());
    // Not on the unit circle, as with longrope: a transpose is right where an undoing would not be.
    Tensor cos = normal(random, 5, 2);
    Tensor sin = normal(random, 5, 2);
    Tensor row = ints(4, 0, 2);
    Tensor dOut = normal(random, 3, shape.qkvWidth());
    check(
        "dQkv",
        y -> {
          ops.cast(y, start);
          ops.rope(y, cos, sin, row, shape, false);
        },
        like(start),
        dOut,
        start,
        g -> {
          ops.cast(g, dOut);
          ops.rope(g, cos, sin, row, shape, true);
        },
        random);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, Integer.MAX_VALUE})
  void attention(int window) {
    var random = new Random(window);
    var shape = new AttentionShape(4, 2, 3, 0.7f, window);
    Sequences sequences = Sequences.ofLengths(device, arena, List.of(4, 0, 1, 3));
    Tensor qkv = normal(random, sequences.tokens(), shape.qkvWidth());
    Tensor out = arena.allocate(DType.F64, sequences.tokens(), shape.queryWidth());
    Tensor lse = arena.allocate(DType.F64, sequences.tokens(), shape.heads());
    Tensor dOut = normal(random, sequences.tokens(), shape.queryWidth());
    check(
        "dQkv",
        y -> ops.attention(y, lse, qkv, sequences, shape),
        out,
        dOut,
        qkv,
        g -> ops.attentionBackward(g, dOut, out, lse, qkv, sequences, shape),
        random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void swiglu(long seed) {
    var random = new Random(seed);
    Tensor gateUp = normal(random, 3, 10);
    Tensor out = arena.allocate(DType.F64, 3, 5);
    Tensor dOut = normal(random, 3, 5);
    check("dGateUp", y -> ops.swiglu(y, gateUp), out, dOut, gateUp, g -> ops.swigluBackward(g, dOut, gateUp), random);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void crossEntropy(long seed) {
    var random = new Random(seed);
    Tensor hidden = normal(random, 5, 4);
    Tensor w = normal(random, 7, 4);
    Tensor targets = ints(6, -100, 0, 3, -1);
    Tensor weights = normal(random, 5);
    Tensor losses = arena.allocate(DType.F64, 5);
    Forward forward = y -> ops.crossEntropy(y, null, null, hidden, w, targets, weights);
    check(
        "dHidden",
        forward,
        losses,
        weights,
        hidden,
        g -> ops.crossEntropy(losses, g, null, hidden, w, targets, weights),
        random);
    checkAdding(
        "dW", forward, losses, weights, w, g -> ops.crossEntropy(losses, null, g, hidden, w, targets, weights), random);
    assertThat(losses.get(1)).isZero();
    assertThat(losses.get(4)).isZero();
  }
}
