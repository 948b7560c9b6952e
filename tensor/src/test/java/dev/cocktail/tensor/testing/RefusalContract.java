package dev.cocktail.tensor.testing;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What operations must refuse: each operand in turn with another shape and with other types. */
interface RefusalContract extends ContractSetting {
  /** Issues one operation on tensors given by position. */
  interface Call {
    void on(Ops ops, List<Tensor> x);
  }

  /** What an operand may be besides what it is. */
  enum May {
    HAVE_ANY_SHAPE,
    HAVE_ANY_LAST_EXTENT,
    BE_ANY_FLOAT
  }

  private static void refuses(String name, Trial trial, Call call, List<May> may, Operand... operands) {
    trial.runTested((ops, side) -> {
      List<Tensor> right = side.of(List.of(operands));
      assertThatCode(() -> call.on(ops, right)).as(name).doesNotThrowAnyException();
      for (int i = 0; i < operands.length; i++) {
        for (Operand wrong : wrongs(trial, right.get(i), may)) {
          List<Tensor> tensors = new ArrayList<>(right);
          tensors.set(i, side.of(wrong));
          assertThatThrownBy(() -> call.on(ops, tensors))
              .as("%s with operand %d as %s", name, i, side.of(wrong))
              .isInstanceOf(IllegalArgumentException.class);
        }
      }
    });
  }

  private static List<Operand> wrongs(Trial trial, Tensor right, List<May> may) {
    DType dtype = right.dtype();
    long[] dims = right.shape().dims();
    long[] wider = dims.clone();
    wider[dims.length - 1]++;
    long[] deeper = Arrays.copyOf(dims, dims.length + 1);
    deeper[dims.length] = 2;
    List<Operand> wrongs = new ArrayList<>();
    wrongs.add(trial.weightOut(dtype.isFloat() ? DType.I64 : DType.F32, dims));
    if (dtype != DType.F16 && dtype.isFloat() && !may.contains(May.BE_ANY_FLOAT)) {
      wrongs.add(trial.weightOut(DType.F16, dims));
    }
    if (!may.contains(May.HAVE_ANY_SHAPE)) {
      wrongs.add(trial.weightOut(dtype, deeper));
      if (!may.contains(May.HAVE_ANY_LAST_EXTENT)) {
        wrongs.add(trial.weightOut(dtype, wider));
      }
    }
    return wrongs;
  }

  @Test
  default void elementwiseRefuses() {
    try (Trial trial = trial("elementwise refusals")) {
      var key = new RandomKey(1, 2);
      List<May> anyTensor = List.of(May.HAVE_ANY_SHAPE, May.BE_ANY_FLOAT);
      refuses("fill", trial, (ops, x) -> ops.fill(x.get(0), 1), anyTensor, trial.activationOut(3));
      refuses(
          "cast",
          trial,
          (ops, x) -> ops.cast(x.get(0), x.get(1)),
          List.of(May.BE_ANY_FLOAT),
          trial.activationOut(3, 2),
          trial.weightOut(DType.F16, 3, 2));
      refuses("uniform", trial, (ops, x) -> ops.uniform(x.get(0), 0, 1, key), anyTensor, trial.activationOut(3));
      refuses("normal", trial, (ops, x) -> ops.normal(x.get(0), 0, 1, key), anyTensor, trial.activationOut(3));
      refuses(
          "addScaled",
          trial,
          (ops, x) -> ops.addScaled(x.get(0), x.get(1), x.get(2), 1),
          List.of(),
          trial.activationOut(3, 2),
          trial.activationOut(3, 2),
          trial.activationOut(3, 2));
      refuses(
          "scaleColumns",
          trial,
          (ops, x) -> ops.scaleColumns(x.get(0), x.get(1), x.get(2)),
          List.of(),
          trial.activationOut(3, 2),
          trial.activationOut(3, 2),
          trial.parameterOut(2));
      refuses(
          "scaleColumnsBackward",
          trial,
          (ops, x) -> ops.scaleColumnsBackward(x.get(0), false, x.get(1), x.get(2), x.get(3), x.get(4)),
          List.of(),
          trial.activationOut(3, 2),
          trial.parameterOut(2),
          trial.activationOut(3, 2),
          trial.activationOut(3, 2),
          trial.parameterOut(2));
      refuses(
          "divide",
          trial,
          (ops, x) -> ops.divide(x.get(0), true, x.get(1), x.get(2)),
          List.of(),
          trial.parameterOut(3, 2),
          trial.parameterOut(3, 2),
          trial.parameterOut(3, 2));
      refuses(
          "dropout",
          trial,
          (ops, x) -> ops.dropout(x.get(0), false, x.get(1), 0.5, key),
          List.of(),
          trial.activationOut(3, 2),
          trial.activationOut(3, 2));
      Operand rows = trial.activationOut(3, 2);
      refuses("argmax's out", trial, (ops, x) -> ops.argmax(x.get(0), trial.tested(rows)), List.of(), trial.intsOut(3));
      Operand indices = trial.intsOut(3);
      refuses(
          "argmax",
          trial,
          (ops, x) -> ops.argmax(trial.tested(indices), x.get(0)),
          List.of(May.BE_ANY_FLOAT, May.HAVE_ANY_LAST_EXTENT),
          rows);
      Operand x = trial.activationOut(3);
      trial.runTested((ops, side) -> {
        for (double p : new double[] {-0.5, 1, Double.NaN}) {
          assertThatThrownBy(() -> ops.dropout(side.of(x), false, side.of(x), p, key))
              .as("dropout with p = %s", p)
              .isInstanceOf(IllegalArgumentException.class);
        }
      });
    }
  }

  @Test
  default void productsAndTablesRefuse() {
    try (Trial trial = trial("product and table refusals")) {
      Operand ids = trial.ints(2, 0, 1);
      refuses(
          "gemm's c",
          trial,
          (ops, x) ->
              ops.gemm(
                  x.get(0),
                  1,
                  trial.tested(trial.activationOut(3, 4)),
                  false,
                  trial.tested(trial.activationOut(5, 4)),
                  true,
                  0),
          List.of(),
          trial.activationOut(3, 5));
      Operand c = trial.activationOut(3, 5);
      refuses(
          "gemm",
          trial,
          (ops, x) -> ops.gemm(trial.tested(c), 1, x.get(0), false, x.get(1), true, 0),
          List.of(May.BE_ANY_FLOAT),
          trial.activationOut(3, 4),
          trial.activationOut(5, 4));
      refuses(
          "adaptedRowNorm",
          trial,
          (ops, x) -> ops.adaptedRowNorm(x.get(0), x.get(1), x.get(2), x.get(3), 1),
          List.of(),
          trial.parameterOut(5),
          trial.weightOut(DType.F16, 5, 4),
          trial.parameterOut(5, 2),
          trial.parameterOut(2, 4));
      Operand weight = trial.weightOut(DType.F16, 3, 4);
      refuses(
          "embedding",
          trial,
          (ops, x) -> ops.embedding(x.get(0), x.get(1), x.get(2)),
          List.of(),
          trial.activationOut(3, 4),
          weight,
          ids);
      refuses(
          "embeddingBackward",
          trial,
          (ops, x) -> ops.embeddingBackward(x.get(0), x.get(1), x.get(2)),
          List.of(),
          trial.parameterOut(3, 4),
          trial.activationOut(3, 4),
          ids);
      refuses(
          "gatherRows",
          trial,
          (ops, x) -> ops.gatherRows(x.get(0), x.get(1), x.get(2)),
          List.of(),
          trial.activationOut(3, 4),
          trial.activationOut(3, 4),
          ids);
    }
  }

  @Test
  default void rowsRefuse() {
    try (Trial trial = trial("row refusals")) {
      Operand weight = trial.weightOut(DType.F16, 4);
      refuses(
          "rmsNorm",
          trial,
          (ops, x) -> ops.rmsNorm(x.get(0), x.get(1), x.get(2), x.get(3), x.get(4), x.get(5), 1e-5),
          List.of(),
          trial.activationOut(3, 4),
          trial.parameterOut(3),
          trial.activationOut(3, 4),
          trial.activationOut(3, 4),
          trial.activationOut(3, 4),
          weight);
      refuses(
          "rmsNormBackward",
          trial,
          (ops, x) -> ops.rmsNormBackward(x.get(0), false, x.get(1), x.get(2), x.get(3), x.get(4), x.get(5)),
          List.of(),
          trial.activationOut(3, 4),
          trial.parameterOut(4),
          trial.activationOut(3, 4),
          trial.activationOut(3, 4),
          weight,
          trial.parameterOut(3));
      refuses(
          "swiglu",
          trial,
          (ops, x) -> ops.swiglu(x.get(0), x.get(1)),
          List.of(),
          trial.activationOut(3, 4),
          trial.activationOut(3, 8));
      refuses(
          "swigluBackward",
          trial,
          (ops, x) -> ops.swigluBackward(x.get(0), x.get(1), x.get(2)),
          List.of(),
          trial.activationOut(3, 8),
          trial.activationOut(3, 4),
          trial.activationOut(3, 8));
      Operand x = trial.activationOut(3, 4);
      Operand rstd = trial.parameterOut(3);
      trial.runTested((ops, side) ->
          assertThatThrownBy(
                  () -> ops.rmsNorm(side.of(x), side.of(rstd), null, side.of(x), side.of(x), side.of(weight), 1e-5))
              .as("rmsNorm with a residual and no sum")
              .isInstanceOf(IllegalArgumentException.class));
      refuses(
          "crossEntropy",
          trial,
          (ops, t) -> ops.crossEntropy(t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6)),
          List.of(),
          trial.parameterOut(3),
          trial.activationOut(3, 4),
          trial.parameterOut(7, 4),
          trial.activationOut(3, 4),
          trial.weightOut(DType.F16, 7, 4),
          trial.ints(1, -1, 6),
          trial.parameterOut(3));
    }
  }

  @Test
  default void attentionRefuses() {
    try (Trial trial = trial("attention refusals")) {
      var shape = new AttentionShape(4, 2, 6, 1, 3);
      trial.pack(2, 3);
      Operand rows = trial.ints(0, 1, 2, 1, 0);
      Operand slots = trial.ints(1, 0);
      Operand starts = trial.ints(0, 2);
      Operand lengths = trial.ints(1, 4);
      Operand qkv = trial.activationOut(5, shape.qkvWidth());
      refuses(
          "rope",
          trial,
          (ops, x) -> ops.rope(x.get(0), x.get(1), x.get(2), x.get(3), shape, false),
          List.of(),
          qkv,
          trial.parameterOut(3, 2),
          trial.parameterOut(3, 2),
          rows);
      trial.runTested((ops, side) -> {
        refuses(
            "attention",
            trial,
            (_, x) -> ops.attention(x.get(0), x.get(1), x.get(2), side.packed(), shape),
            List.of(),
            trial.activationOut(5, 24),
            trial.parameterOut(5, 4),
            qkv);
        refuses(
            "attentionBackward",
            trial,
            (_, x) -> ops.attentionBackward(x.get(0), x.get(1), x.get(2), x.get(3), x.get(4), side.packed(), shape),
            List.of(),
            trial.activationOut(5, 48),
            trial.activationOut(5, 24),
            trial.activationOut(5, 24),
            trial.parameterOut(5, 4),
            qkv);
        refuses(
            "storeKeysAndValues",
            trial,
            (_, x) -> ops.storeKeysAndValues(x.get(0), x.get(1), x.get(2), side.packed(), x.get(3), x.get(4), shape),
            List.of(),
            trial.activationOut(2, 6, 12),
            trial.activationOut(2, 6, 12),
            qkv,
            slots,
            starts);
      });
      refuses(
          "attentionDecode",
          trial,
          (ops, x) -> ops.attentionDecode(x.get(0), x.get(1), x.get(2), x.get(3), x.get(4), x.get(5), 4, shape),
          List.of(),
          trial.activationOut(2, 24),
          trial.activationOut(2, 48),
          trial.activationOut(2, 6, 12),
          trial.activationOut(2, 6, 12),
          slots,
          lengths);
    }
  }

  @Test
  default void optimiserRefuses() {
    try (Trial trial = trial("optimiser refusals")) {
      var step = new AdamW(0.1, 0.9, 0.99, 1e-8, 0, 1);
      Operand gradient = trial.parameterOut(3, 2);
      refuses(
          "gradientNorm",
          trial,
          (ops, x) -> ops.gradientNorm(x.get(0), x.get(1), List.of(trial.tested(gradient)), 1),
          List.of(),
          trial.parameterOut(1),
          trial.parameterOut(1));
      refuses(
          "gradientNorm's gradients",
          trial,
          (ops, x) -> ops.gradientNorm(trial.tested(trial.parameterOut(1)), trial.tested(trial.parameterOut(1)), x, 1),
          List.of(May.HAVE_ANY_SHAPE),
          gradient);
      refuses(
          "adamW",
          trial,
          (ops, x) -> ops.adamW(x.subList(0, 1), x.subList(1, 2), x.subList(2, 3), x.subList(3, 4), x.get(4), step),
          List.of(),
          gradient,
          trial.parameterOut(3, 2),
          trial.parameterOut(3, 2),
          trial.parameterOut(3, 2),
          trial.parameterOut(1));
      Operand scale = trial.parameterOut(1);
      trial.runTested((ops, side) -> {
        List<Tensor> one = List.of(side.of(gradient));
        assertThatThrownBy(() -> ops.adamW(one, List.of(), one, one, side.of(scale), step))
            .as("adamW without gradients")
            .isInstanceOf(IllegalArgumentException.class);
      });
    }
  }
}
