package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Operations on more than one task's worth of elements: the same bits for any number of threads, and a few values. */
class LargeOpsTest {
  private static final int T = 301;
  private static final int H = 517;
  private static final RandomKey KEY = new RandomKey(11, 12);

  @Test
  void threadsDoNotChangeBits() {
    Map<String, Integer> one = digests(1);
    assertThat(digests(2)).isEqualTo(one);
    assertThat(digests(5)).isEqualTo(one);
    // Once more, when everything is compiled: interpreted and compiled code must agree as well.
    assertThat(digests(1)).isEqualTo(one);
  }

  /** A hash over the bits of every result. */
  private static Map<String, Integer> digests(int threads) {
    Map<String, Integer> digests = new LinkedHashMap<>();
    try (CpuDevice device = new CpuDevice(threads);
        TensorArena arena = device.openArena("test")) {
      Ops ops = device.ops();
      Tensor x = normal(arena, ops, 1, T, H);
      Tensor y = normal(arena, ops, 2, T, H);
      Tensor out = arena.allocate(DType.F32, T, H);
      digests.put("normal", hash(x));
      ops.uniform(out, -2, 3, KEY);
      digests.put("uniform", hash(out));
      ops.dropout(out, false, x, 0.3, KEY);
      digests.put("dropout", hash(out));
      Tensor factors = normal(arena, ops, 3, H);
      Tensor sums = normal(arena, ops, 4, H);
      ops.scaleColumnsBackward(out, true, sums, x, y, factors);
      digests.put("scaleColumnsBackward", 31 * hash(out) + hash(sums));
      Tensor rstd = arena.allocate(DType.F32, T);
      Tensor sum = arena.allocate(DType.F32, T, H);
      ops.rmsNorm(out, rstd, sum, x, y, factors, 1e-5);
      digests.put("rmsNorm", 31 * (31 * hash(out) + hash(rstd)) + hash(sum));
      ops.rmsNormBackward(out, true, sums, y, sum, factors, rstd);
      digests.put("rmsNormBackward", 31 * hash(out) + hash(sums));
      Tensor gateUp = normal(arena, ops, 5, T, 2 * H);
      ops.swiglu(out, gateUp);
      ops.swigluBackward(gateUp, out, gateUp);
      digests.put("swiglu", 31 * hash(out) + hash(gateUp));
      int[] ids = new int[T];
      for (int t = 0; t < T; t++) {
        ids[t] = t * t % 7;
      }
      Tensor table = normal(arena, ops, 6, 7, H);
      ops.embeddingBackward(table, x, Tensor.ofInts(ids));
      digests.put("embeddingBackward", hash(table));
      Tensor norms = arena.allocate(DType.F32, T);
      ops.adaptedRowNorm(norms, x, normal(arena, ops, 7, T, 3), normal(arena, ops, 8, 3, H), 0.5);
      digests.put("adaptedRowNorm", hash(norms));
      Tensor losses = arena.allocate(DType.F32, T);
      ops.crossEntropy(losses, out, table, x, normal(arena, ops, 9, 7, H), Tensor.ofInts(ids), rstd);
      digests.put("crossEntropy", 31 * (31 * hash(losses) + hash(out)) + hash(table));
      Tensor norm = arena.allocate(DType.F32, 1);
      Tensor scale = arena.allocate(DType.F32, 1);
      ops.gradientNorm(norm, scale, List.of(x, table, y), 1);
      digests.put("gradientNorm", 31 * hash(norm) + hash(scale));
      ops.fill(out, 0.25);
      ops.adamW(List.of(x), List.of(y), List.of(sum), List.of(out), scale, new AdamW(0.1, 0.9, 0.99, 1e-8, 0.1, 2));
      digests.put("adamW", 31 * (31 * hash(x) + hash(sum)) + hash(out));
      var shape = new AttentionShape(5, 1, 73, 1, AttentionShape.NO_WINDOW);
      Tensor qkv = normal(arena, ops, 10, T, shape.qkvWidth());
      ops.rope(qkv, normal(arena, ops, 11, 7, 34), normal(arena, ops, 12, 7, 34), Tensor.ofInts(ids), shape, false);
      digests.put("rope", hash(qkv));
    }
    return digests;
  }

  private static Tensor normal(TensorArena arena, Ops ops, int stream, long... dims) {
    Tensor tensor = arena.allocate(DType.F32, dims);
    ops.normal(tensor, 0, 1, KEY.derive(stream));
    return tensor;
  }

  private static int hash(Tensor tensor) {
    int hash = 1;
    for (int bits : tensor.segment().toArray(Floats.INT)) {
      hash = 31 * hash + bits;
    }
    return hash;
  }

  @Test
  void dropoutKeepsWhatThePhiloxWordsSay() {
    try (CpuDevice device = new CpuDevice(2);
        TensorArena arena = device.openArena("test")) {
      long n = 3L * Chunks.ELEMENTS + 5;
      Tensor x = arena.allocate(DType.F32, n);
      Tensor out = arena.allocate(DType.F32, n);
      device.ops().fill(x, 3);
      // Exactly a number that words can equal: such a word is kept.
      double p = Philox.toUnitFloat(Philox.word(KEY, 2));
      device.ops().dropout(out, false, x, p, KEY);
      int kept = 0;
      for (long i = 0; i < n; i++) {
        boolean expected = Philox.toUnitFloat(Philox.word(KEY, i)) >= p;
        kept += expected ? 1 : 0;
        assertThat(out.get(i)).as("element %d", i).isEqualTo(expected ? (float) (3 / (1 - p)) : 0f, within(1e-6));
      }
      assertThat(out.get(2)).isNotZero();
      // Five standard deviations of a binomial distribution.
      assertThat((double) kept).isCloseTo(n * (1 - p), within(5 * Math.sqrt(n * p * (1 - p))));
    }
  }

  @Test
  void sumsOverManyRowsStayAccurate() {
    try (CpuDevice device = new CpuDevice(2);
        TensorArena arena = device.openArena("test")) {
      int rows = 5001;
      int columns = 1027;
      Tensor a = normal(arena, device.ops(), 1, rows, columns);
      Tensor b = normal(arena, device.ops(), 2, rows, columns);
      Tensor factors = normal(arena, device.ops(), 3, columns);
      Tensor sums = arena.allocate(DType.F32, columns);
      device.ops().fill(sums, 1);
      device.ops().scaleColumnsBackward(null, false, sums, a, b, factors);
      for (int n : new int[] {0, 1, 1023, 1024, 1026}) {
        double exact = 1;
        double magnitude = 1;
        for (long t = 0; t < rows; t++) {
          double product = a.get(t * columns + n) * b.get(t * columns + n);
          exact += product;
          magnitude += Math.abs(product);
        }
        // 64 rows in a block, 79 blocks: the longest chain of additions.
        assertThat(sums.get(n)).isCloseTo(exact, within((64 + 79 + 2) * 0x1p-24 * magnitude));
      }
    }
  }

  @Test
  void theNormOfHugeGradientsIsFinite() {
    try (CpuDevice device = new CpuDevice(2);
        TensorArena arena = device.openArena("test")) {
      Tensor gradient = arena.allocate(DType.F32, 100_003);
      device.ops().fill(gradient, 1e30);
      Tensor norm = arena.allocate(DType.F32, 1);
      Tensor scale = arena.allocate(DType.F32, 1);
      device.ops().gradientNorm(norm, scale, List.of(gradient), 1);
      assertThat(norm.get(0) / (1e30f * Math.sqrt(100_003))).isCloseTo(1, within(0x1p-23));
      gradient.set(70_000, Double.NaN);
      device.ops().gradientNorm(norm, scale, List.of(gradient), 1);
      assertThat(norm.get(0)).isNaN();
      gradient.set(70_000, Double.NEGATIVE_INFINITY);
      device.ops().gradientNorm(norm, scale, List.of(gradient), 1);
      assertThat(norm.get(0)).isInfinite();
    }
  }

  @Test
  void argmaxTakesTheFirstOfEquals() {
    try (CpuDevice device = new CpuDevice(1);
        TensorArena arena = device.openArena("test")) {
      Tensor rows = arena.allocate(DType.F32, 4, 101);
      device.ops().fill(rows, -1);
      rows.set(37, 5);
      rows.set(90, 5);
      rows.set(101 + 100, 0);
      rows.set(202 + 3, Double.POSITIVE_INFINITY);
      rows.set(202 + 60, Double.NaN);
      Tensor out = arena.allocate(DType.I32, 4);
      device.ops().argmax(out, rows);
      assertThat(out.segment().toArray(Floats.INT)).containsExactly(37, 100, 60, 0);
    }
  }
}
