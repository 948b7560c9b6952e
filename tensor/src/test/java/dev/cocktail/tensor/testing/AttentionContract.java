package dev.cocktail.tensor.testing;

import static dev.cocktail.tensor.AttentionShape.NO_WINDOW;
import static java.lang.Math.abs;

import dev.cocktail.tensor.AttentionShape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rotary embedding, attention and the cache of keys and values. */
interface AttentionContract extends ContractSetting {
  List<AttentionShape> SHAPES =
      List.of(
          new AttentionShape(1, 1, 1, 1, NO_WINDOW),
          new AttentionShape(2, 1, 4, 0.5f, 3),
          new AttentionShape(4, 2, 16, 0.25f, NO_WINDOW),
          new AttentionShape(3, 3, 17, 0.3f, 1),
          new AttentionShape(6, 2, 33, 0.2f, 16),
          new AttentionShape(2, 2, 96, 0.1f, 17));

  Integer[][] PACKS = {{}, {0}, {1}, {5, 0, 1, 17}, {33}, {16, 16, 1}, {0, 2, 0}, {65}};

  @Test
  default void rope() {
    for (AttentionShape shape : SHAPES) {
      for (int t : UGLY) {
        for (boolean inverse : new boolean[] {false, true}) {
          for (int half : new int[] {shape.headDim() / 2, shape.headDim() / 3}) {
            if (half > 0) {
              rope(shape, t, half, inverse);
            }
          }
        }
      }
    }
  }

  private void rope(AttentionShape shape, int t, int half, boolean inverse) {
    try (Trial trial =
        trial("rope " + shape + " " + t + " tokens, " + 2 * half + " rotate" + (inverse ? " back" : ""))) {
      int width = shape.qkvWidth();
      Operand qkv = trial.activation(t, width);
      Operand cos = trial.parameter(t + 3, half);
      Operand sin = trial.parameter(t + 3, half);
      int[] row = trial.random().ints(t, 0, t + 3).toArray();
      Operand rowOfToken = trial.ints(row);
      double[] x = qkv.values();
      double[] c = cos.values();
      double[] s = sin.values();
      trial.run((ops, side) -> ops.rope(side.of(qkv), side.of(cos), side.of(sin), side.of(rowOfToken), shape, inverse));
      trial.check(
          "qkv",
          qkv,
          i -> {
            int head = i % width / shape.headDim();
            int e = i % width % shape.headDim();
            if (head >= shape.heads() + shape.kvHeads() || e >= 2 * half) {
              return 0;
            }
            int j = e % half;
            int other = e < half ? i + half : i - half;
            int at = row[i / width] * half + j;
            return trial.tolerance().activation(abs(x[i] * c[at]) + abs(x[other] * s[at]));
          });
    }
  }

  @Test
  default void attention() {
    for (AttentionShape shape : SHAPES) {
      for (Integer[] pack : PACKS) {
        try (Trial trial = trial("attention " + shape + " of " + Arrays.toString(pack))) {
          int t = Arrays.stream(pack).mapToInt(Integer::intValue).sum();
          AttentionTrials.attention(trial, shape, trial.activation(t, shape.qkvWidth()), pack);
        }
      }
    }
  }

  @Test
  default void attentionOfLargeScoresDoesNotOverflow() {
    var shape = new AttentionShape(2, 1, 4, 1, NO_WINDOW);
    try (Trial trial = trial("attention of large scores")) {
      // Equal keys give equal scores of 10000, whose exponentials overflow.
      double[] values = trial.normal(1, 33, shape.qkvWidth());
      for (int t = 0; t < 33; t++) {
        Arrays.fill(values, t * shape.qkvWidth(), t * shape.qkvWidth() + 12, 50);
      }
      AttentionTrials.attention(trial, shape, trial.activation(values, 33, shape.qkvWidth()), 33);
    }
  }

  @Test
  default void attentionIsBlindToLaterTokensAndOtherSequences() {
    for (AttentionShape shape : SHAPES) {
      try (Trial trial = trial("attention beside NaN " + shape)) {
        int width = shape.qkvWidth();
        double[] values = trial.normal(1, 40, width);
        // A sequence of nothing but NaN between two others; numbers that outweigh all others at the end of the last.
        Arrays.fill(values, 11 * width, 18 * width, Double.NaN);
        Arrays.fill(values, 37 * width, 38 * width, 0x1p40);
        AttentionTrials.attention(trial, shape, trial.activation(values, 40, width), 11, 7, 22);
      }
    }
  }

  @Test
  default void attentionBackward() {
    for (AttentionShape shape : SHAPES) {
      for (Integer[] pack : PACKS) {
        try (Trial trial = trial("attentionBackward " + shape + " of " + Arrays.toString(pack))) {
          int t = Arrays.stream(pack).mapToInt(Integer::intValue).sum();
          AttentionTrials.attentionBackward(trial, shape, trial.normal(1, t, shape.qkvWidth()), pack);
        }
      }
    }
  }

  @Test
  default void attentionBackwardIsBlindToOtherSequences() {
    for (AttentionShape shape : SHAPES) {
      try (Trial trial = trial("attentionBackward beside NaN " + shape)) {
        int width = shape.qkvWidth();
        double[] values = trial.normal(1, 40, width);
        Arrays.fill(values, 11 * width, 18 * width, Double.NaN);
        AttentionTrials.attentionBackward(trial, shape, values, 11, 7, 22);
      }
    }
  }

  @Test
  default void storeKeysAndValues() {
    for (AttentionShape shape : SHAPES) {
      try (Trial trial = trial("storeKeysAndValues " + shape)) {
        trial.pack(3, 0, 1, 7);
        Operand keys = trial.activation(5, 9, shape.kvWidth());
        Operand values = trial.activation(5, 9, shape.kvWidth());
        Operand qkv = trial.activation(11, shape.qkvWidth());
        Operand slots = trial.ints(4, 0, 2, 1);
        Operand starts = trial.ints(6, 9, 0, 1);
        trial.run((ops, side) ->
            ops.storeKeysAndValues(
                side.of(keys), side.of(values), side.of(qkv), side.packed(), side.of(slots), side.of(starts), shape));
        trial.checkExact("keys", keys);
        trial.checkExact("values", values);
      }
    }
  }

  @Test
  default void attentionDecode() {
    int[][] cases = {{}, {1}, {33}, {5, 1, 17, 32, 2}};
    for (AttentionShape shape : SHAPES) {
      for (int[] lengths : cases) {
        try (Trial trial = trial("attentionDecode " + shape + " of " + Arrays.toString(lengths))) {
          AttentionTrials.attentionDecode(trial, shape, 33, lengths);
        }
      }
    }
  }
}
