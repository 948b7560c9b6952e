package dev.cocktail.tensor;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * The checks of {@link Ops}: one method an operation, with its parameters, that throws {@link IllegalArgumentException}
 * where dtypes, shapes or overlapping memory do not fit what the operation states. Every device may use it, so that all
 * refuse the same things in the same words. What tensors hold (token ids, lengths) is not looked at: it may lie on a
 * GPU.
 */
public final class OpsArguments {
  private static final long ANY = -1;

  private final DType activation;
  private final DType parameter;
  private final DType statistic;

  /** Checks for a device of the given types; statistics (rstd, lse, losses) are F64 in an F64 device, F32 in others. */
  public OpsArguments(DType activation, DType parameter) {
    this.activation = requireNonNull(activation, "activation");
    this.parameter = requireNonNull(parameter, "parameter");
    this.statistic = activation == DType.F64 ? DType.F64 : DType.F32;
  }

  public void fill(Tensor out, double value) {
    floating("fill", "out", out);
  }

  public void cast(Tensor out, Tensor in) {
    require(out.elements() == in.elements(), "cast", "in", in, "as many elements as " + out + " has");
    if (out.dtype() != in.dtype()) {
      floating("cast", "out", out);
      floating("cast", "in", in);
    }
    disjoint("cast", "out", out, "in", in);
  }

  public void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    value("addScaled", "out", out);
    same("addScaled", "a", a, out);
    same("addScaled", "b", b, out);
    disjointOrSame("addScaled", "out", out, "a", a);
    disjointOrSame("addScaled", "out", out, "b", b);
  }

  public void scale(Tensor x, double scale) {
    value("scale", "x", x);
  }

  public void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    expect("scaleColumns", "in", in, activation, ANY, ANY);
    same("scaleColumns", "out", out, in);
    expect("scaleColumns", "factors", factors, parameter, in.dim(1));
    disjointOrSame("scaleColumns", "out", out, "in", in);
    disjoint("scaleColumns", "out", out, "factors", factors);
  }

  public void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    String op = "scaleColumnsBackward";
    expect(op, "in", in, activation, ANY, ANY);
    same(op, "dOut", dOut, in);
    expect(op, "factors", factors, parameter, in.dim(1));
    if (dFactors != null) {
      expect(op, "dFactors", dFactors, parameter, in.dim(1));
      disjoint(op, "dFactors", dFactors, "factors", factors);
      disjoint(op, "dFactors", dFactors, "dOut", dOut);
      disjoint(op, "dFactors", dFactors, "in", in);
    }
    if (dIn != null) {
      same(op, "dIn", dIn, in);
      disjointOrSame(op, "dIn", dIn, "dOut", dOut);
      disjoint(op, "dIn", dIn, "in", in);
    }
  }

  public void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    require(out.dtype() == parameter, "divide", "out", out, parameter + "");
    same("divide", "a", a, out);
    same("divide", "b", b, out);
  }

  public void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    require(out.dtype() == activation, "dropout", "out", out, activation + "");
    same("dropout", "in", in, out);
    if (!(p >= 0 && p < 1)) {
      throw new IllegalArgumentException("dropout: p is " + p + ", expected at least 0 and less than 1");
    }
    if (accumulate) {
      disjoint("dropout", "out", out, "in", in);
    } else {
      disjointOrSame("dropout", "out", out, "in", in);
    }
  }

  public void uniform(Tensor out, double low, double high, RandomKey key) {
    floating("uniform", "out", out);
  }

  public void normal(Tensor out, double mean, double std, RandomKey key) {
    floating("normal", "out", out);
  }

  public void argmax(Tensor out, Tensor in) {
    floating("argmax", "in", in);
    shape("argmax", "in", in, ANY, ANY);
    require(in.dim(0) == 0 || in.dim(1) > 0, "argmax", "in", in, "rows of at least one element");
    expect("argmax", "out", out, DType.I32, in.dim(0));
  }

  public void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    shape("gemm", "c", c, ANY, ANY);
    value("gemm", "c", c);
    floating("gemm", "a", a);
    floating("gemm", "b", b);
    shape("gemm", "a", a, ANY, ANY);
    shape("gemm", "b", b, ANY, ANY);
    long inner = a.dim(transposeA ? 0 : 1);
    boolean fits =
        b.dim(transposeB ? 1 : 0) == inner
            && c.dim(0) == a.dim(transposeA ? 1 : 0)
            && c.dim(1) == b.dim(transposeB ? 0 : 1);
    if (!fits) {
      throw new IllegalArgumentException(
          "gemm: shapes do not fit: C "
              + c
              + ", A "
              + a
              + (transposeA ? " transposed" : "")
              + ", B "
              + b
              + (transposeB ? " transposed" : ""));
    }
    disjoint("gemm", "c", c, "a", a);
    disjoint("gemm", "c", c, "b", b);
  }

  public void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    weight("adaptedRowNorm", "w", w, ANY, ANY);
    expect("adaptedRowNorm", "a", a, parameter, ANY, w.dim(1));
    expect("adaptedRowNorm", "b", b, parameter, w.dim(0), a.dim(0));
    expect("adaptedRowNorm", "out", out, parameter, w.dim(0));
  }

  public void embedding(Tensor out, Tensor weight, Tensor ids) {
    expect("embedding", "ids", ids, DType.I32, ANY);
    weight("embedding", "weight", weight, ANY, ANY);
    expect("embedding", "out", out, activation, ids.dim(0), weight.dim(1));
    disjoint("embedding", "out", out, "weight", weight);
  }

  public void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    expect("embeddingBackward", "ids", ids, DType.I32, ANY);
    expect("embeddingBackward", "dWeight", dWeight, parameter, ANY, ANY);
    expect("embeddingBackward", "dOut", dOut, activation, ids.dim(0), dWeight.dim(1));
    disjoint("embeddingBackward", "dWeight", dWeight, "dOut", dOut);
  }

  public void gatherRows(Tensor out, Tensor in, Tensor rows) {
    expect("gatherRows", "rows", rows, DType.I32, ANY);
    expect("gatherRows", "in", in, activation, ANY, ANY);
    expect("gatherRows", "out", out, activation, rows.dim(0), in.dim(1));
    disjoint("gatherRows", "out", out, "in", in);
  }

  public void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    expect("rmsNorm", "x", x, activation, ANY, ANY);
    same("rmsNorm", "out", out, x);
    expect("rmsNorm", "rstd", rstd, statistic, x.dim(0));
    weight("rmsNorm", "weight", weight, x.dim(1));
    if ((sum == null) != (residual == null)) {
      throw new IllegalArgumentException("rmsNorm: expected sum and residual both or neither");
    }
    disjoint("rmsNorm", "out", out, "x", x);
    if (sum != null) {
      same("rmsNorm", "residual", residual, x);
      same("rmsNorm", "sum", sum, x);
      disjointOrSame("rmsNorm", "sum", sum, "x", x);
      disjointOrSame("rmsNorm", "sum", sum, "residual", residual);
      disjoint("rmsNorm", "out", out, "sum", sum);
    }
  }

  public void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    String op = "rmsNormBackward";
    expect(op, "x", x, activation, ANY, ANY);
    same(op, "dOut", dOut, x);
    weight(op, "weight", weight, x.dim(1));
    expect(op, "rstd", rstd, statistic, x.dim(0));
    if (dX != null) {
      same(op, "dX", dX, x);
      disjoint(op, "dX", dX, "x", x);
      if (accumulate) {
        disjoint(op, "dX", dX, "dOut", dOut);
      } else {
        disjointOrSame(op, "dX", dX, "dOut", dOut);
      }
    }
    if (dWeight != null) {
      expect(op, "dWeight", dWeight, parameter, x.dim(1));
      disjoint(op, "dWeight", dWeight, "weight", weight);
    }
  }

  public void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    expect("rope", "rowOfToken", rowOfToken, DType.I32, ANY);
    expect("rope", "qkv", qkv, activation, rowOfToken.dim(0), shape.qkvWidth());
    expect("rope", "cos", cos, statistic, ANY, ANY);
    same("rope", "sin", sin, cos);
    require(
        2 * cos.dim(1) <= shape.headDim(),
        "rope",
        "cos",
        cos,
        "at most " + shape.headDim() / 2 + " columns, half of the head dimension");
  }

  public void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    int tokens = sequences.tokens();
    expect("attention", "qkv", qkv, activation, tokens, shape.qkvWidth());
    expect("attention", "out", out, activation, tokens, shape.queryWidth());
    expect("attention", "lse", lse, statistic, tokens, shape.heads());
    disjoint("attention", "out", out, "qkv", qkv);
  }

  public void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    String op = "attentionBackward";
    int tokens = sequences.tokens();
    expect(op, "qkv", qkv, activation, tokens, shape.qkvWidth());
    same(op, "dQkv", dQkv, qkv);
    expect(op, "out", out, activation, tokens, shape.queryWidth());
    same(op, "dOut", dOut, out);
    expect(op, "lse", lse, statistic, tokens, shape.heads());
    disjoint(op, "dQkv", dQkv, "qkv", qkv);
    disjoint(op, "dQkv", dQkv, "dOut", dOut);
    disjoint(op, "dQkv", dQkv, "out", out);
  }

  public void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    String op = "storeKeysAndValues";
    expect(op, "qkv", qkv, activation, sequences.tokens(), shape.qkvWidth());
    expect(op, "keys", keys, activation, ANY, ANY, shape.kvWidth());
    same(op, "values", values, keys);
    expect(op, "slots", slots, DType.I32, sequences.count());
    expect(op, "starts", starts, DType.I32, sequences.count());
    disjoint(op, "keys", keys, "values", values);
  }

  public void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    String op = "attentionDecode";
    expect(op, "slots", slots, DType.I32, ANY);
    expect(op, "lengths", lengths, DType.I32, slots.dim(0));
    expect(op, "qkv", qkv, activation, slots.dim(0), shape.qkvWidth());
    expect(op, "out", out, activation, slots.dim(0), shape.queryWidth());
    expect(op, "keys", keys, activation, ANY, ANY, shape.kvWidth());
    same(op, "values", values, keys);
    disjoint(op, "out", out, "qkv", qkv);
  }

  public void swiglu(Tensor out, Tensor gateUp) {
    expect("swiglu", "out", out, activation, ANY, ANY);
    expect("swiglu", "gateUp", gateUp, activation, out.dim(0), 2 * out.dim(1));
    disjoint("swiglu", "out", out, "gateUp", gateUp);
  }

  public void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    expect("swigluBackward", "dOut", dOut, activation, ANY, ANY);
    expect("swigluBackward", "gateUp", gateUp, activation, dOut.dim(0), 2 * dOut.dim(1));
    same("swigluBackward", "dGateUp", dGateUp, gateUp);
    disjointOrSame("swigluBackward", "dGateUp", dGateUp, "gateUp", gateUp);
    disjoint("swigluBackward", "dGateUp", dGateUp, "dOut", dOut);
  }

  public void crossEntropy(
      Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    String op = "crossEntropy";
    expect(op, "hidden", hidden, activation, ANY, ANY);
    weight(op, "w", w, ANY, hidden.dim(1));
    expect(op, "targets", targets, DType.I32, hidden.dim(0));
    expect(op, "weights", weights, statistic, hidden.dim(0));
    expect(op, "losses", losses, statistic, hidden.dim(0));
    if (dHidden != null) {
      same(op, "dHidden", dHidden, hidden);
      disjoint(op, "dHidden", dHidden, "hidden", hidden);
    }
    if (dW != null) {
      expect(op, "dW", dW, parameter, w.dim(0), w.dim(1));
      disjoint(op, "dW", dW, "w", w);
    }
  }

  public void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    expect("gradientNorm", "norm", norm, statistic, 1);
    expect("gradientNorm", "scale", scale, statistic, 1);
    for (int i = 0; i < gradients.size(); i++) {
      Tensor gradient = gradients.get(i);
      require(gradient.dtype() == parameter, "gradientNorm", "gradient " + i, gradient, parameter + "");
    }
    if (!(maxNorm > 0)) {
      throw new IllegalArgumentException("gradientNorm: maxNorm is " + maxNorm + ", expected more than 0");
    }
  }

  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    expect("adamW", "scale", scale, statistic, 1);
    int count = parameters.size();
    if (gradients.size() != count || firstMoments.size() != count || secondMoments.size() != count) {
      throw new IllegalArgumentException(
          "adamW: lists of different lengths: "
              + count
              + " parameters, "
              + gradients.size()
              + " gradients, "
              + firstMoments.size()
              + " and "
              + secondMoments.size()
              + " moments");
    }
    for (int i = 0; i < count; i++) {
      Tensor tensor = parameters.get(i);
      require(tensor.dtype() == parameter, "adamW", "parameter " + i, tensor, parameter + "");
      same("adamW", "gradient " + i, gradients.get(i), tensor);
      same("adamW", "first moment " + i, firstMoments.get(i), tensor);
      same("adamW", "second moment " + i, secondMoments.get(i), tensor);
    }
  }

  private void value(String op, String name, Tensor tensor) {
    boolean fits = tensor.dtype() == activation || tensor.dtype() == parameter;
    require(fits, op, name, tensor, activation == parameter ? activation + "" : activation + " or " + parameter);
  }

  private static void floating(String op, String name, Tensor tensor) {
    require(tensor.dtype().isFloat(), op, name, tensor, "a floating-point type");
  }

  private void weight(String op, String name, Tensor tensor, long... dims) {
    DType dtype = tensor.dtype();
    boolean fits = dtype == parameter || dtype == DType.F32 || dtype == DType.BF16 || dtype == DType.F16;
    require(fits, op, name, tensor, "F32, BF16 or F16");
    shape(op, name, tensor, dims);
  }

  private static void same(String op, String name, Tensor tensor, Tensor other) {
    boolean fits = tensor.dtype() == other.dtype() && tensor.shape().equals(other.shape());
    require(fits, op, name, tensor, other + "");
  }

  private static void expect(String op, String name, Tensor tensor, DType dtype, long... dims) {
    require(tensor.dtype() == dtype, op, name, tensor, dtype + "");
    shape(op, name, tensor, dims);
  }

  private static void shape(String op, String name, Tensor tensor, long... dims) {
    boolean fits = tensor.shape().rank() == dims.length;
    for (int i = 0; fits && i < dims.length; i++) {
      fits = dims[i] == ANY || dims[i] == tensor.dim(i);
    }
    if (!fits) {
      StringBuilder text = new StringBuilder("shape [");
      for (int i = 0; i < dims.length; i++) {
        text.append(i == 0 ? "" : ", ").append(dims[i] == ANY ? "any" : dims[i] + "");
      }
      require(false, op, name, tensor, text.append(']').toString());
    }
  }

  private static void require(boolean fits, String op, String name, Tensor tensor, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(op + ": " + name + " is " + tensor + ", expected " + expected);
    }
  }

  private static void disjoint(String op, String outName, Tensor out, String inName, Tensor in) {
    if (out.address() < in.address() + in.byteSize() && in.address() < out.address() + out.byteSize()) {
      throw new IllegalArgumentException(op + ": " + outName + " " + out + " overlaps " + inName + " " + in);
    }
  }

  private static void disjointOrSame(String op, String outName, Tensor out, String inName, Tensor in) {
    if (out.address() != in.address()) {
      disjoint(op, outName, out, inName, in);
    }
  }
}
