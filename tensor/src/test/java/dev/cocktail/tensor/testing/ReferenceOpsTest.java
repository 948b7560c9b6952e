package dev.cocktail.tensor.testing;

import static java.lang.Math.E;
import static java.lang.Math.exp;
import static java.lang.Math.log;
import static java.lang.Math.sqrt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The reference against values that were worked out by hand. */
class ReferenceOpsTest {
  /** A few roundings of numbers below 16. */
  private static final Offset<Double> EXACTLY = offset(16 * 4 * 0x1p-53);

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

  private Tensor matrix(int rows, int columns, double... values) {
    return vector(values).reshape(rows, columns);
  }

  private Tensor vector(double... values) {
    Tensor tensor = arena.allocate(DType.F64, values.length);
    Values.write(tensor, values);
    return tensor;
  }

  private static void expect(Tensor actual, double... expected) {
    assertThat(Values.read(actual)).containsExactly(expected, EXACTLY);
  }

  @Test
  void products() {
    Tensor a = matrix(2, 3, 1, 2, 3, 4, 5, 6);
    Tensor b = matrix(3, 2, 7, 8, 9, 10, 11, 12);
    Tensor c = matrix(2, 2, 1, 1, 1, 1);
    ops.gemm(c, 1, a, false, b, false, 0);
    expect(c, 58, 64, 139, 154);
    ops.gemm(c, 0.5, b, true, a, true, -1);
    expect(c, 0.5 * 58 - 58, 0.5 * 139 - 64, 0.5 * 64 - 139, 0.5 * 154 - 154);
  }

  @Test
  void rowNormOfAnAdaptedMatrix() {
    Tensor out = vector(0, 0);
    ops.adaptedRowNorm(out, matrix(2, 2, 1, 0, 0, 4), matrix(2, 1, 1, 3), matrix(1, 2, 1, 2), 2);
    expect(out, sqrt(3 * 3 + 4 * 4), sqrt(6 * 6 + 16 * 16));
  }

  @Test
  void norms() {
    Tensor sum = matrix(1, 2, 0, 0);
    Tensor out = matrix(1, 2, 0, 0);
    Tensor rstd = vector(0);
    ops.rmsNorm(out, rstd, sum, matrix(1, 2, 1, 4), matrix(1, 2, 2, 0), vector(10, 1), 0);
    expect(sum, 3, 4);
    expect(rstd, 1 / sqrt(12.5));
    expect(out, 30 / sqrt(12.5), 4 / sqrt(12.5));
  }

  @Test
  void rotation() {
    // One head of four of which two rotate, by 90 degrees: (1, 2) becomes (-2, 1).
    var shape = new AttentionShape(1, 1, 4, 1, AttentionShape.NO_WINDOW);
    Tensor qkv = matrix(1, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    Tensor row = Tensor.ofInts(1);
    ops.rope(qkv, matrix(2, 1, 9, 0), matrix(2, 1, 9, 1), row, shape, false);
    expect(qkv, -2, 1, 3, 4, -6, 5, 7, 8, 9, 10, 11, 12);
    ops.rope(qkv, matrix(2, 1, 9, 0), matrix(2, 1, 9, 1), row, shape, true);
    expect(qkv, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  }

  @Test
  void attentionIsCausalWindowedAndStaysInItsSequence() {
    // Two query heads share one key/value head of one element; q = (1, 2), k = 1 or 0, v = 1, 2, 4, 8.
    Sequences sequences = Sequences.ofLengths(device, arena, List.of(3, 1));
    Tensor qkv = matrix(4, 4, 1, 2, 0, 1, 1, 2, 1, 2, 1, 2, 0, 4, 1, 2, 1, 8);
    Tensor out = arena.allocate(DType.F64, 4, 2);
    Tensor lse = arena.allocate(DType.F64, 4, 2);
    ops.attention(out, lse, qkv, sequences, new AttentionShape(2, 1, 1, 1, 2));
    double e2 = exp(2);
    expect(
        out,
        1,
        1,
        (1 + 2 * E) / (1 + E),
        (1 + 2 * e2) / (1 + e2),
        (2 * E + 4) / (E + 1),
        (2 * e2 + 4) / (e2 + 1),
        8,
        8);
    expect(lse, 0, 0, log(1 + E), log(1 + e2), log(1 + E), log(1 + e2), 1, 2);
    ops.attention(out, lse, qkv, sequences, new AttentionShape(2, 1, 1, 1, AttentionShape.NO_WINDOW));
    expect(out.rows(2, 1), (1 + 2 * E + 4) / (2 + E), (1 + 2 * e2 + 4) / (2 + e2));
  }

  @Test
  void decodingReadsTheCacheThatWasStored() {
    var shape = new AttentionShape(2, 1, 1, 1, 2);
    Sequences sequences = Sequences.ofLengths(device, arena, List.of(2, 1));
    Tensor qkv = matrix(3, 4, 9, 9, 1, 2, 9, 9, 0, 4, 9, 9, 1, 8);
    Tensor keys = matrix(3, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1).reshape(3, 3, 1);
    Tensor values = matrix(3, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1).reshape(3, 3, 1);
    ops.storeKeysAndValues(keys, values, qkv, sequences, Tensor.ofInts(2, 0), Tensor.ofInts(1, 0), shape);
    expect(keys, 1, -1, -1, -1, -1, -1, -1, 1, 0);
    expect(values, 8, -1, -1, -1, -1, -1, -1, 2, 4);
    Tensor out = arena.allocate(DType.F64, 2, 2);
    Tensor queries = matrix(2, 4, 1, 2, 0, 0, 1, 2, 0, 0);
    ops.attentionDecode(out, queries, keys, values, Tensor.ofInts(2, 0), Tensor.ofInts(3, 1), 3, shape);
    double e2 = exp(2);
    expect(out, (2 * E + 4) / (E + 1), (2 * e2 + 4) / (e2 + 1), 8, 8);
  }

  @Test
  void gatedUnit() {
    Tensor out = matrix(1, 2, 0, 0);
    ops.swiglu(out, matrix(1, 4, 0, 1, 5, 6));
    expect(out, 0, 6 / (1 + exp(-1)));
    Tensor gradient = matrix(1, 4, 0, 0, 0, 0);
    ops.swigluBackward(gradient, matrix(1, 2, 1, 0), matrix(1, 4, 0, 1, 5, 6));
    expect(gradient, 2.5, 0, 0, 0);
  }

  @Test
  void crossEntropyOfEqualLogitsIsTheLogarithmOfTheirNumber() {
    Tensor losses = vector(0, 0);
    Tensor dHidden = matrix(2, 1, 0, 0);
    Tensor dW = matrix(3, 1, 100, 100, 100);
    ops.crossEntropy(
        losses, dHidden, dW, matrix(2, 1, 0, 5), matrix(3, 1, 3, 6, 9), Tensor.ofInts(2, -100), vector(0.5, 1));
    expect(losses, log(3), 0);
    // g = 0.5 (1/3, 1/3, -2/3); the second token has no target.
    expect(dHidden, 0.5 * (3 + 6 - 2 * 9) / 3, 0);
    expect(dW, 100, 100, 100);
  }

  @Test
  void optimiser() {
    Tensor norm = vector(0);
    Tensor scale = vector(0);
    ops.gradientNorm(norm, scale, List.of(vector(3), matrix(1, 2, 0, 4)), 1);
    expect(norm, 5);
    expect(scale, 1 / (5 + 1e-6));
    ops.gradientNorm(norm, scale, List.of(vector(3), vector(4)), Double.POSITIVE_INFINITY);
    expect(scale, 1);
    Tensor p = vector(10);
    Tensor m = vector(1);
    Tensor v = vector(2);
    ops.adamW(
        List.of(p), List.of(vector(8)), List.of(m), List.of(v), vector(0.5), new AdamW(0.1, 0.5, 0.75, 1, 0.2, 2));
    // g = 4; m = 2.5 and / (1 - 1/4); v = 1.5 + 4 = 5.5 and / (1 - 9/16); p = 10 * 0.98 - 0.1 ...
    expect(m, 2.5);
    expect(v, 5.5);
    expect(p, 9.8 - 0.1 * (2.5 / 0.75) / (sqrt(5.5 / 0.4375) + 1));
  }

  @Test
  void randomNumbers() {
    // Known answers of Philox4x32-10 for counter and key zero: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
    Tensor uniform = vector(0, 0, 0, 0);
    ops.uniform(uniform, 0, 1, new RandomKey(0, 0));
    expect(uniform, 0x6627e8p-24, 0xe169c5p-24, 0xbc57acp-24, 0x9b00dbp-24);
    Tensor dropped = vector(0, 0, 0, 0);
    ops.dropout(dropped, false, vector(1, 2, 3, 4), 0.625, new RandomKey(0, 0));
    expect(dropped, 0, 2 / 0.375, 3 / 0.375, 0);
    Tensor normal = vector(0, 0, 0);
    ops.normal(normal, 1, 2, new RandomKey(0, 0));
    double angle = 2 * Math.PI * 0xe169c58dL / 4294967296.0;
    double radius = sqrt(-2 * log((0x6627e8d5L + 1) / 4294967296.0));
    double second =
        sqrt(-2 * log((0xbc57ac4cL + 1) / 4294967296.0)) * Math.cos(2 * Math.PI * 0x9b00dbd8L / 4294967296.0);
    expect(normal, 1 + 2 * radius * Math.cos(angle), 1 + 2 * radius * Math.sin(angle), 1 + 2 * second);
  }

  @Test
  void largestOfEachRow() {
    Tensor out = Tensor.ofInts(7, 7);
    ops.argmax(out, matrix(2, 3, 1, 3, 3, -5, -7, -4));
    assertThat(Values.readInts(out)).containsExactly(1, 2);
  }
}
