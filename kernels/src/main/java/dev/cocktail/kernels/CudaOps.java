package dev.cocktail.kernels;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.OpsArguments;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.util.List;

/** The operations on a GPU: checks arguments and hands the work to the families of kernels. */
final class CudaOps implements Ops {
  private final OpsArguments arguments;
  private final ElementwiseKernels elementwise;
  private final ColumnKernels columns;
  private final RandomKernels random;
  private final RowKernels rows;
  private final MatrixProducts products;
  private final NormKernels norms;
  private final RopeKernels rope;
  private final AttentionKernels attention;
  private final DecodingKernels decoding;
  private final SwigluKernels swiglu;
  private final CrossEntropyKernels crossEntropy;
  private final OptimizerKernels optimizer;

  CudaOps(CudaContext cuda) {
    this.arguments = new OpsArguments(cuda.activation(), DType.F32);
    this.elementwise = new ElementwiseKernels(cuda);
    this.columns = new ColumnKernels(cuda);
    this.random = new RandomKernels(cuda);
    this.rows = new RowKernels(cuda);
    this.products = new MatrixProducts(cuda);
    this.norms = new NormKernels(cuda);
    this.rope = new RopeKernels(cuda);
    this.attention = new AttentionKernels(cuda);
    this.decoding = new DecodingKernels(cuda);
    this.swiglu = new SwigluKernels(cuda);
    this.crossEntropy = new CrossEntropyKernels(cuda);
    this.optimizer = new OptimizerKernels(cuda);
  }

  @Override
  public void fill(Tensor out, double value) {
    arguments.fill(out, value);
    elementwise.fill(out, value);
  }

  @Override
  public void cast(Tensor out, Tensor in) {
    arguments.cast(out, in);
    elementwise.cast(out, in);
  }

  @Override
  public void fill(List<Tensor> outs, double value) {
    if (outs.stream().allMatch(out -> out.dtype() == DType.F32)) {
      optimizer.fill(outs, value);
    } else {
      Ops.super.fill(outs, value);
    }
  }

  @Override
  public void cast(List<Tensor> outs, List<Tensor> ins) {
    if (outs.isEmpty() || outs.size() != ins.size() || !OptimizerKernels.casts(outs, ins)) {
      Ops.super.cast(outs, ins);
      return;
    }
    for (int i = 0; i < outs.size(); i++) {
      arguments.cast(outs.get(i), ins.get(i));
    }
    optimizer.cast(outs, ins);
  }

  @Override
  public void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    arguments.addScaled(out, a, b, scale);
    elementwise.addScaled(out, a, b, scale);
  }

  @Override
  public void scale(Tensor x, double scale) {
    arguments.scale(x, scale);
    elementwise.scale(x, scale);
  }

  @Override
  public void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    arguments.scaleColumns(out, in, factors);
    columns.scaleColumns(out, in, factors);
  }

  @Override
  public void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    arguments.scaleColumnsBackward(dIn, accumulate, dFactors, dOut, in, factors);
    columns.scaleColumnsBackward(dIn, accumulate, dFactors, dOut, in, factors);
  }

  @Override
  public void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    arguments.divide(out, accumulate, a, b);
    elementwise.divide(out, accumulate, a, b);
  }

  @Override
  public void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    arguments.dropout(out, accumulate, in, p, key);
    random.dropout(out, accumulate, in, p, key);
  }

  @Override
  public void uniform(Tensor out, double low, double high, RandomKey key) {
    arguments.uniform(out, low, high, key);
    random.uniform(out, low, high, key);
  }

  @Override
  public void normal(Tensor out, double mean, double std, RandomKey key) {
    arguments.normal(out, mean, std, key);
    random.normal(out, mean, std, key);
  }

  @Override
  public void argmax(Tensor out, Tensor in) {
    arguments.argmax(out, in);
    rows.argmax(out, in);
  }

  @Override
  public void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    arguments.gemm(c, alpha, a, transposeA, b, transposeB, beta);
    products.gemm(c, alpha, a, transposeA, b, transposeB, beta);
  }

  @Override
  public void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    arguments.adaptedRowNorm(out, w, b, a, scale);
    norms.adaptedRowNorm(out, w, b, a, scale);
  }

  @Override
  public void embedding(Tensor out, Tensor weight, Tensor ids) {
    arguments.embedding(out, weight, ids);
    rows.embedding(out, weight, ids);
  }

  @Override
  public void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    arguments.embeddingBackward(dWeight, dOut, ids);
    rows.embeddingBackward(dWeight, dOut, ids);
  }

  @Override
  public void gatherRows(Tensor out, Tensor in, Tensor rows) {
    arguments.gatherRows(out, in, rows);
    this.rows.gatherRows(out, in, rows);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    arguments.rmsNorm(out, rstd, sum, x, residual, weight, epsilon);
    norms.rmsNorm(out, rstd, sum, x, residual, weight, epsilon);
  }

  @Override
  public void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    arguments.rmsNormBackward(dX, accumulate, dWeight, dOut, x, weight, rstd);
    norms.rmsNormBackward(dX, accumulate, dWeight, dOut, x, weight, rstd);
  }

  @Override
  public void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    arguments.rope(qkv, cos, sin, rowOfToken, shape, inverse);
    rope.rope(qkv, cos, sin, rowOfToken, shape, inverse);
  }

  @Override
  public void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    arguments.attention(out, lse, qkv, sequences, shape);
    attention.attention(out, lse, qkv, sequences, shape);
  }

  @Override
  public void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    arguments.attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    attention.attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
  }

  @Override
  public void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    arguments.storeKeysAndValues(keys, values, qkv, sequences, slots, starts, shape);
    decoding.storeKeysAndValues(keys, values, qkv, sequences, slots, starts, shape);
  }

  @Override
  public void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape) {
    arguments.attentionDecode(out, qkv, keys, values, slots, lengths, longest, shape);
    decoding.attentionDecode(out, qkv, keys, values, slots, lengths, longest, shape);
  }

  @Override
  public void swiglu(Tensor out, Tensor gateUp) {
    arguments.swiglu(out, gateUp);
    swiglu.swiglu(out, gateUp);
  }

  @Override
  public void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    arguments.swigluBackward(dGateUp, dOut, gateUp);
    swiglu.swigluBackward(dGateUp, dOut, gateUp);
  }

  @Override
  public void crossEntropy(
      Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    arguments.crossEntropy(losses, dHidden, dW, hidden, w, targets, weights);
    crossEntropy.crossEntropy(losses, dHidden, dW, hidden, w, targets, weights);
  }

  @Override
  public void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    arguments.gradientNorm(norm, scale, gradients, maxNorm);
    optimizer.gradientNorm(norm, scale, gradients, maxNorm);
  }

  @Override
  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    arguments.adamW(parameters, gradients, firstMoments, secondMoments, scale, step);
    optimizer.adamW(parameters, gradients, firstMoments, secondMoments, scale, step);
  }
}
