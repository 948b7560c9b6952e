package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CpuAttentionTest {
  private static final int LANES = Lanes.COUNT;

  private final CpuDevice device = new CpuDevice(1);
  private final TensorArena arena = device.openArena("test");

  @AfterEach
  void close() {
    arena.close();
    device.close();
  }

  private record Results(float[] out, float[] lse, float[] dQkv) {}

  private Results run(CpuDevice on, float[] qkv, float[] dOut, List<Integer> lengths, AttentionShape shape) {
    try (TensorArena step = on.openArena("step")) {
      Sequences sequences = Sequences.ofLengths(on, step, lengths);
      int tokens = sequences.tokens();
      Tensor x = fill(step, qkv, tokens, shape.qkvWidth());
      Tensor dY = fill(step, dOut, tokens, shape.queryWidth());
      Tensor y = nan(step, tokens, shape.queryWidth());
      Tensor lse = nan(step, tokens, shape.heads());
      Tensor dX = nan(step, tokens, shape.qkvWidth());
      on.ops().attention(y, lse, x, sequences, shape);
      on.ops().attentionBackward(dX, dY, y, lse, x, sequences, shape);
      return new Results(y.toFloats(), lse.toFloats(), dX.toFloats());
    }
  }

  private static Tensor fill(TensorArena arena, float[] values, long... dims) {
    Tensor tensor = arena.allocate(DType.F32, dims);
    for (int i = 0; i < values.length; i++) {
      tensor.set(i, values[i]);
    }
    return tensor;
  }

  private static Tensor nan(TensorArena arena, long... dims) {
    Tensor tensor = arena.allocate(DType.F32, dims);
    tensor.segment().fill((byte) 0xFF);
    return tensor;
  }

  private static float[] random(int count, long seed) {
    var random = new Random(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  private static double[] doubles(float[] values, int from, int count) {
    double[] copy = new double[count];
    for (int i = 0; i < count; i++) {
      copy[i] = values[from + i];
    }
    return copy;
  }

  private static AttentionShape shape(int heads, int kvHeads, int d, int window) {
    return new AttentionShape(heads, kvHeads, d, 1 / Math.sqrt(d), window);
  }

  private void check(List<Integer> lengths, AttentionShape shape, float[] qkv) {
    int tokens = lengths.stream().mapToInt(Integer::intValue).sum();
    float[] dOut = random(tokens * shape.queryWidth(), 2);
    Results actual = run(device, qkv, dOut, lengths, shape);
    int begin = 0;
    for (int length : lengths) {
      var expected =
          new NaiveAttention(doubles(qkv, begin * shape.qkvWidth(), length * shape.qkvWidth()), length, shape);
      expected.backward(doubles(dOut, begin * shape.queryWidth(), length * shape.queryWidth()));
      String what = shape + ", sequence of " + length + " at " + begin;
      compare("out of " + what, actual.out, begin * shape.queryWidth(), expected.out, expected.outBound);
      compare("lse of " + what, actual.lse, begin * shape.heads(), expected.lse, expected.lseBound);
      compare("dQkv of " + what, actual.dQkv, begin * shape.qkvWidth(), expected.dQkv, expected.dQkvBound);
      begin += length;
    }
  }

  private static void compare(String what, float[] actual, int from, double[] expected, double[] bound) {
    for (int i = 0; i < expected.length; i++) {
      // An assertion for every element would take most of the time.
      if (!(Math.abs(actual[from + i] - expected[i]) <= bound[i] + Float.MIN_NORMAL)) {
        assertThat((double) actual[from + i])
            .as("%s, element %d", what, i)
            .isCloseTo(expected[i], within(bound[i] + Float.MIN_NORMAL));
      }
    }
  }

  private void check(List<Integer> lengths, AttentionShape shape) {
    int tokens = lengths.stream().mapToInt(Integer::intValue).sum();
    check(lengths, shape, random(tokens * shape.qkvWidth(), 1));
  }

  @Test
  void agreesWithTheFormulaForUglyLengths() {
    check(List.of(0, 1, 2, 0, LANES - 1, LANES, LANES + 1, 2 * LANES + 1, 37, 0), shape(2, 1, 17, 1_000_000));
    check(List.of(AttentionTiles.KEY_BLOCK + 1, AttentionTiles.QUERY_BLOCK - 1), shape(1, 1, 8, 1_000_000));
    check(List.of(AttentionTiles.QUERY_BLOCK + 1, 211), shape(2, 2, 16, AttentionShape.NO_WINDOW));
  }

  @Test
  void acceptsNoTokens() {
    check(List.of(), shape(2, 1, 16, 4));
    check(List.of(0), shape(2, 1, 16, 4));
    check(List.of(0, 0, 0), shape(2, 1, 16, 4));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, 16, 17, 64, 80, 96, 128})
  void agreesWithTheFormulaForHeadDimension(int d) {
    check(List.of(5, 83), shape(2, 1, d, AttentionShape.NO_WINDOW));
    check(List.of(141), shape(1, 1, d, 50));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 16, 31, 32, 33, 64, 100, 128, 263, 1000})
  void agreesWithTheFormulaForWindow(int window) {
    check(List.of(263, 3, 40), shape(2, 1, 8, window));
  }

  @ParameterizedTest
  @CsvSource({"1,1", "2,1", "3,1", "6,1", "6,2", "6,3", "6,6"})
  void agreesWithTheFormulaForGroups(int heads, int kvHeads) {
    check(List.of(33, 150), shape(heads, kvHeads, 16, 90));
  }

  @Test
  void survivesLargeScores() {
    AttentionShape shape = shape(2, 1, 16, AttentionShape.NO_WINDOW);
    float[] qkv = random(100 * shape.qkvWidth(), 3);
    for (int t = 0; t < 100; t++) {
      for (int e = 0; e < shape.queryWidth() + shape.kvWidth(); e++) {
        qkv[t * shape.qkvWidth() + e] *= 0x1p9f;
      }
    }
    Results results = run(device, qkv, random(100 * shape.queryWidth(), 4), List.of(100), shape);
    assertThat(results.lse).contains(results.lse[7]).doesNotContain(Float.NaN, Float.POSITIVE_INFINITY);
    assertThat(results.out).doesNotContain(Float.NaN);
    assertThat(results.dQkv).doesNotContain(Float.NaN);
    check(List.of(100), shape, qkv);
  }

  @Test
  void passesNotANumberOn() {
    AttentionShape shape = shape(1, 1, 16, AttentionShape.NO_WINDOW);
    float[] qkv = random(20 * shape.qkvWidth(), 3);
    qkv[3 * shape.qkvWidth() + 5] = Float.NaN;
    Results results = run(device, qkv, random(20 * shape.queryWidth(), 4), List.of(20), shape);
    assertThat(results.lse[3]).isNaN();
    assertThat(results.out[3 * shape.queryWidth()]).isNaN();
    assertThat(results.lse[2]).isNotNaN();
    assertThat(results.lse[4]).isNotNaN();
  }

  @Test
  void packedEqualsSeparateBitForBit() {
    AttentionShape shape = shape(4, 2, 24, 70);
    List<Integer> lengths = List.of(1, 150, 0, 37, 64, 129);
    int tokens = 381;
    float[] qkv = random(tokens * shape.qkvWidth(), 5);
    float[] dOut = random(tokens * shape.queryWidth(), 6);
    Results packed = run(device, qkv, dOut, lengths, shape);
    List<Float> out = new ArrayList<>();
    List<Float> lse = new ArrayList<>();
    List<Float> dQkv = new ArrayList<>();
    int begin = 0;
    for (int length : lengths) {
      int end = begin + length;
      Results alone =
          run(
              device,
              Arrays.copyOfRange(qkv, begin * shape.qkvWidth(), end * shape.qkvWidth()),
              Arrays.copyOfRange(dOut, begin * shape.queryWidth(), end * shape.queryWidth()),
              List.of(length),
              shape);
      addAll(out, alone.out);
      addAll(lse, alone.lse);
      addAll(dQkv, alone.dQkv);
      begin = end;
    }
    assertThat(packed.out).containsExactly(out.toArray(Float[]::new));
    assertThat(packed.lse).containsExactly(lse.toArray(Float[]::new));
    assertThat(packed.dQkv).containsExactly(dQkv.toArray(Float[]::new));
  }

  private static void addAll(List<Float> target, float[] values) {
    for (float value : values) {
      target.add(value);
    }
  }

  @Test
  void futureTokensAndTokensBeforeTheWindowHaveNoInfluence() {
    AttentionShape shape = shape(2, 1, 16, 9);
    int tokens = 140;
    int probe = 101;
    float[] qkv = random(tokens * shape.qkvWidth(), 7);
    // The gradient of the probe's output alone.
    float[] dOut = new float[tokens * shape.queryWidth()];
    System.arraycopy(random(shape.queryWidth(), 8), 0, dOut, probe * shape.queryWidth(), shape.queryWidth());
    Results before = run(device, qkv, dOut, List.of(tokens), shape);
    float[] changed = qkv.clone();
    for (int t = 0; t < tokens; t++) {
      if (t > probe || t <= probe - 9) {
        for (int e = 0; e < shape.qkvWidth(); e++) {
          changed[t * shape.qkvWidth() + e] = 3 * e - t;
        }
      }
    }
    Results after = run(device, changed, dOut, List.of(tokens), shape);
    int width = shape.queryWidth();
    assertThat(Arrays.copyOfRange(after.out, probe * width, (probe + 1) * width))
        .containsExactly(Arrays.copyOfRange(before.out, probe * width, (probe + 1) * width));
    assertThat(Arrays.copyOfRange(after.lse, probe * 2, probe * 2 + 2))
        .containsExactly(Arrays.copyOfRange(before.lse, probe * 2, probe * 2 + 2));
    for (int t = 0; t < tokens; t++) {
      boolean seen = t <= probe && t > probe - 9;
      for (int e = 0; e < shape.qkvWidth(); e++) {
        float gradient = before.dQkv[t * shape.qkvWidth() + e];
        boolean mayBeNonZero = e < width ? t == probe : seen;
        if (!mayBeNonZero) {
          assertThat(gradient).as("token %d, element %d", t, e).isZero();
        }
      }
    }
  }

  @Test
  void threadsDoNotChangeABit() {
    AttentionShape shape = shape(6, 3, 20, 100);
    List<Integer> lengths = List.of(200, 3, 0, 77, 130);
    float[] qkv = random(410 * shape.qkvWidth(), 9);
    float[] dOut = random(410 * shape.queryWidth(), 10);
    Results one = run(device, qkv, dOut, lengths, shape);
    for (int threads : new int[] {2, 3}) {
      try (var other = new CpuDevice(threads)) {
        Results many = run(other, qkv, dOut, lengths, shape);
        assertThat(many.out).containsExactly(one.out);
        assertThat(many.lse).containsExactly(one.lse);
        assertThat(many.dQkv).containsExactly(one.dQkv);
      }
    }
  }

  @Test
  void theFormulaOfTheGradientIsTheDerivativeOfTheFormula() {
    AttentionShape shape = shape(4, 2, 3, 4);
    int length = 7;
    double[] qkv = doubles(random(length * shape.qkvWidth(), 11), 0, length * shape.qkvWidth());
    double[] dOut = doubles(random(length * shape.queryWidth(), 12), 0, length * shape.queryWidth());
    var attention = new NaiveAttention(qkv, length, shape);
    attention.backward(dOut);
    double step = 1e-5;
    for (int i = 0; i < qkv.length; i++) {
      double[] moved = qkv.clone();
      moved[i] += step;
      double up = loss(moved, dOut, length, shape);
      moved[i] -= 2 * step;
      double down = loss(moved, dOut, length, shape);
      // Truncation of order step^2 and rounding of order 1e-16 / step.
      assertThat((up - down) / (2 * step)).as("element %d", i).isCloseTo(attention.dQkv[i], within(1e-8));
    }
  }

  private static double loss(double[] qkv, double[] dOut, int length, AttentionShape shape) {
    double[] out = new NaiveAttention(qkv, length, shape).out;
    double sum = 0;
    for (int i = 0; i < out.length; i++) {
      sum += out[i] * dOut[i];
    }
    return sum;
  }

  @Test
  void decodingEqualsTheLastRow() {
    for (int window : new int[] {1, 2, 7, 40, AttentionShape.NO_WINDOW}) {
      for (int d : new int[] {1, 8, 16, 17, 64, 80, 96, 128}) {
        decodeAgainstFormula(shape(6, 2, d, window));
      }
    }
    decodeAgainstFormula(shape(2, 2, 33, 20));
    decodeAgainstFormula(shape(3, 1, 5, 20));
  }

  private void decodeAgainstFormula(AttentionShape shape) {
    List<Integer> lengths = List.of(1, 2, LANES - 1, LANES + 1, 2 * LANES, 67);
    int[] slots = {4, 0, 6, 2, 3, 5};
    int capacity = 70;
    try (TensorArena step = device.openArena("step")) {
      Sequences sequences = Sequences.ofLengths(device, step, lengths);
      float[] qkv = random(sequences.tokens() * shape.qkvWidth(), 13);
      Tensor x = fill(step, qkv, sequences.tokens(), shape.qkvWidth());
      Tensor keys = nan(step, 7, capacity, shape.kvWidth());
      Tensor values = nan(step, 7, capacity, shape.kvWidth());
      Tensor starts = Tensor.ofInts(0, 0, 0, 0, 0, 0);
      device.ops().storeKeysAndValues(keys, values, x, sequences, Tensor.ofInts(slots), starts, shape);
      Tensor last = nan(step, lengths.size(), shape.qkvWidth());
      int[] filled = new int[slots.length];
      for (int b = 0; b < slots.length; b++) {
        filled[b] = lengths.get(b);
        for (int e = 0; e < shape.queryWidth(); e++) {
          int from = (sequences.offset(b + 1) - 1) * shape.qkvWidth();
          last.set((long) b * shape.qkvWidth() + e, qkv[from + e]);
        }
      }
      Tensor out = nan(step, lengths.size(), shape.queryWidth());
      device.ops().attentionDecode(out, last, keys, values, Tensor.ofInts(slots), Tensor.ofInts(filled), 67, shape);
      float[] actual = out.toFloats();
      for (int b = 0; b < slots.length; b++) {
        int length = filled[b];
        int width = shape.queryWidth();
        var expected =
            new NaiveAttention(
                doubles(qkv, sequences.offset(b) * shape.qkvWidth(), length * shape.qkvWidth()), length, shape);
        int row = (length - 1) * width;
        compare(
            "decoded sequence " + b + " of " + shape,
            actual,
            b * width,
            Arrays.copyOfRange(expected.out, row, row + width),
            Arrays.copyOfRange(expected.outBound, row, row + width));
      }
    }
  }

  @Test
  void cacheIsFilledFromTheStatedRowOn() {
    AttentionShape shape = shape(2, 1, 5, 3);
    Sequences sequences = Sequences.ofLengths(device, arena, List.of(2, 0, 1));
    float[] qkv = random(3 * shape.qkvWidth(), 14);
    Tensor keys = fill(arena, new float[3 * 4 * 5], 3, 4, 5);
    Tensor values = fill(arena, new float[3 * 4 * 5], 3, 4, 5);
    keys.segment().fill((byte) 0);
    values.segment().fill((byte) 0);
    device
        .ops()
        .storeKeysAndValues(
            keys,
            values,
            fill(arena, qkv, 3, shape.qkvWidth()),
            sequences,
            Tensor.ofInts(1, 0, 2),
            Tensor.ofInts(2, 4, 0),
            shape);
    float[] expectedKeys = new float[60];
    float[] expectedValues = new float[60];
    int[] rowOfToken = {1 * 4 + 2, 1 * 4 + 3, 2 * 4};
    for (int t = 0; t < 3; t++) {
      System.arraycopy(qkv, t * 20 + 10, expectedKeys, rowOfToken[t] * 5, 5);
      System.arraycopy(qkv, t * 20 + 15, expectedValues, rowOfToken[t] * 5, 5);
    }
    assertThat(keys.toFloats()).containsExactly(expectedKeys);
    assertThat(values.toFloats()).containsExactly(expectedValues);
  }

  @Test
  void refusesWhatDoesNotFit() {
    AttentionShape shape = shape(2, 1, 4, 3);
    Sequences sequences = Sequences.ofLengths(device, arena, List.of(3));
    Tensor qkv = fill(arena, new float[48], 3, 16);
    Tensor out = fill(arena, new float[24], 3, 8);
    Tensor lse = fill(arena, new float[6], 3, 2);
    Tensor narrow = fill(arena, new float[45], 3, 15);
    assertThatThrownBy(() -> device.ops().attention(out, lse, narrow, sequences, shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("qkv is F32[3, 15], expected shape [3, 16]");
    assertThatThrownBy(
            () -> device.ops().attention(Tensor.onDevice(DType.F32, Shape.of(3, 8), 4096), lse, qkv, sequences, shape))
        .isInstanceOf(IllegalArgumentException.class);
    Tensor cache = fill(arena, new float[40], 2, 5, 4);
    Tensor other = fill(arena, new float[40], 2, 5, 4);
    assertThatThrownBy(() ->
            device.ops().storeKeysAndValues(cache, other, qkv, sequences, Tensor.ofInts(1), Tensor.ofInts(3), shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("rows 3 to 6 of a cache of 5");
    assertThatThrownBy(() ->
            device
                .ops()
                .attentionDecode(
                    out.rows(0, 1), qkv.rows(0, 1), cache, other, Tensor.ofInts(2), Tensor.ofInts(1), 5, shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("slots[0] is 2");
    assertThatThrownBy(() ->
            device
                .ops()
                .attentionDecode(
                    out.rows(0, 1), qkv.rows(0, 1), cache, other, Tensor.ofInts(0), Tensor.ofInts(6), 6, shape))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("length 0 is 6");
  }
}
