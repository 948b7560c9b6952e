package dev.cocktail.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the contract's small sizes do not reach: several blocks of tokens, several chunks of the vocabulary. */
class CrossEntropyOpsTest {
  private final WorkerPool pool = new WorkerPool(2);
  private final CpuMemory memory = new CpuMemory();

  @AfterEach
  void close() {
    pool.close();
    memory.trim();
    assertThat(memory.reservedBytes()).isZero();
  }

  /** Results of one call. */
  private record Result(float[] losses, float[] dHidden, float[] dW) {}

  private Result run(int mostRows, int tile, Tensor hidden, Tensor w, int[] targets, float[] weights) {
    var ops = new CrossEntropyOps(pool, new Gemm(pool), memory, mostRows, tile);
    int rows = targets.length;
    Tensor losses = Tensor.ofFloats(Shape.of(rows), new float[rows]);
    Tensor dHidden = Tensor.ofFloats(hidden.shape(), filled((int) hidden.elements(), Float.NaN));
    Tensor dW = Tensor.ofFloats(w.shape(), filled((int) w.elements(), 1f));
    ops.crossEntropy(losses, dHidden, dW, hidden, w, Tensor.ofInts(targets), Tensor.ofFloats(Shape.of(rows), weights));
    return new Result(losses.toFloats(), dHidden.toFloats(), dW.toFloats());
  }

  private static float[] filled(int count, float value) {
    float[] values = new float[count];
    Arrays.fill(values, value);
    return values;
  }

  private static float[] normal(Random random, int count, double std) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (std * random.nextGaussian());
    }
    return values;
  }

  /** Logits of standard deviation 3, so that maxima move from chunk to chunk. */
  @ParameterizedTest
  @CsvSource({"1,96", "5,480", "7,1", "64,1000000"})
  void blocksAndChunksDoNotChangeTheAnswer(int mostRows, int tile) {
    Random random = new Random(7);
    int t = 23;
    int h = 9;
    int v = 389;
    float[] x = normal(random, t * h, 1);
    float[] matrix = normal(random, v * h, 1);
    float[] weights = normal(random, t, 1);
    int[] targets = random.ints(t, 0, v).toArray();
    targets[3] = -100;
    targets[22] = -1;
    targets[4] = 0;
    targets[5] = v - 1;
    Result result =
        run(
            mostRows,
            tile,
            Tensor.ofFloats(Shape.of(t, h), x),
            Tensor.ofFloats(Shape.of(v, h), matrix),
            targets,
            weights);

    double[] dW = new double[v * h];
    Arrays.fill(dW, 1);
    for (int i = 0; i < t; i++) {
      double[] dHidden = new double[h];
      double loss = 0;
      if (targets[i] >= 0) {
        double[] p = new double[v];
        for (int c = 0; c < v; c++) {
          for (int j = 0; j < h; j++) {
            p[c] += (double) matrix[c * h + j] * x[i * h + j];
          }
        }
        double z = p[targets[i]];
        double sum = Arrays.stream(p).map(Math::exp).sum();
        loss = Math.log(sum) - z;
        for (int c = 0; c < v; c++) {
          double g = weights[i] * (Math.exp(p[c]) / sum - (c == targets[i] ? 1 : 0));
          for (int j = 0; j < h; j++) {
            dHidden[j] += g * matrix[c * h + j];
            dW[c * h + j] += g * x[i * h + j];
          }
        }
      }
      // Logits up to about 10 err by h u 10; every later number is at most about 10 and errs relative to that.
      double tolerance = 4 * h * 10 * 0x1p-24 * 10;
      assertThat((double) result.losses[i]).as("loss %d", i).isCloseTo(loss, within(tolerance));
      for (int j = 0; j < h; j++) {
        assertThat((double) result.dHidden[i * h + j]).as("dHidden %d", i).isCloseTo(dHidden[j], within(tolerance));
      }
    }
    for (int i = 0; i < dW.length; i++) {
      assertThat((double) result.dW[i]).as("dW %d", i).isCloseTo(dW[i], within(t * 4 * h * 10 * 0x1p-24 * 3));
    }
  }

  @Test
  void aCertainModelKeepsItsSmallLossesAndGradients() {
    // Logits 0, d and 0: the loss is ln(1 + 2 exp(-d)), far below the spacing of floats at d.
    float distance = 25;
    Result result =
        run(
            512,
            1 << 20,
            Tensor.ofFloats(Shape.of(1, 2), distance, 1f),
            Tensor.ofFloats(Shape.of(3, 2), 0f, 0f, 1f, 0f, 0f, 0f),
            new int[] {1},
            new float[] {1});
    double share = 2 * Math.exp(-distance) / (1 + 2 * Math.exp(-distance));
    assertThat((double) result.losses[0]).isCloseTo(Math.log1p(2 * Math.exp(-distance)), within(1e-6 * share));
    assertThat((double) result.dHidden[0]).isCloseTo(-share, within(1e-6 * share));
    assertThat(result.dHidden[1]).isZero();
  }

  @Test
  void whatIsNotANumberStaysInItsRow() {
    float[] x = {1f, Float.NaN, 2f, Float.POSITIVE_INFINITY};
    Result result =
        run(
            512,
            1 << 20,
            Tensor.ofFloats(Shape.of(4, 1), x),
            Tensor.ofFloats(Shape.of(3, 1), 1f, 2f, 3f),
            new int[] {0, 1, 2, 0},
            filled(4, 1f));
    assertThat(result.losses[1]).isNaN();
    assertThat(result.losses[3]).isNaN();
    assertThat(result.dHidden[1]).isNaN();
    assertThat((double) result.losses[0]).isCloseTo(Math.log(1 + Math.exp(1) + Math.exp(2)), within(1e-6));
    assertThat((double) result.losses[2]).isCloseTo(Math.log(1 + Math.exp(-2) + Math.exp(-4)), within(1e-6));
  }

  @Test
  void targetsBeyondTheVocabularyAreRefused() {
    Tensor hidden = Tensor.ofFloats(Shape.of(2, 1), 1f, 1f);
    Tensor w = Tensor.ofFloats(Shape.of(3, 1), 1f, 2f, 3f);
    assertThatThrownBy(() -> run(512, 1 << 20, hidden, w, new int[] {2, 3}, filled(2, 1f)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("targets[1] is 3");
  }
}
