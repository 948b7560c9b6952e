package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.util.List;

/** The operations on the processor: checks arguments and hands the work to the classes that do it. */
final class CpuOps implements Ops {
  private final WorkerPool pool;
  private final Gemm gemm;

  CpuOps(WorkerPool pool) {
    this.pool = pool;
    this.gemm = new Gemm(pool);
  }

  /** The pool that the operations run on. */
  WorkerPool pool() {
    return pool;
  }

  @Override
  public void fill(Tensor out, double value) {
    throw new UnsupportedOperationException("fill");
  }

  @Override
  public void cast(Tensor out, Tensor in) {
    throw new UnsupportedOperationException("cast");
  }

  @Override
  public void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    throw new UnsupportedOperationException("addScaled");
  }

  @Override
  public void scale(Tensor x, double scale) {
    throw new UnsupportedOperationException("scale");
  }

  @Override
  public void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    throw new UnsupportedOperationException("scaleColumns");
  }

  @Override
  public void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    throw new UnsupportedOperationException("scaleColumnsBackward");
  }

  @Override
  public void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    throw new UnsupportedOperationException("divide");
  }

  @Override
  public void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    throw new UnsupportedOperationException("dropout");
  }

  @Override
  public void uniform(Tensor out, double low, double high, RandomKey key) {
    throw new UnsupportedOperationException("uniform");
  }

  @Override
  public void normal(Tensor out, double mean, double std, RandomKey key) {
    throw new UnsupportedOperationException("normal");
  }

  @Override
  public void argmax(Tensor out, Tensor in) {
    throw new UnsupportedOperationException("argmax");
  }

  @Override
  public void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    gemm.multiply(c, alpha, a, transposeA, b, transposeB, beta);
  }

  @Override
  public void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    throw new UnsupportedOperationException("adaptedRowNorm");
  }

  @Override
  public void embedding(Tensor out, Tensor weight, Tensor ids) {
    throw new UnsupportedOperationException("embedding");
  }

  @Override
  public void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    throw new UnsupportedOperationException("embeddingBackward");
  }

  @Override
  public void gatherRows(Tensor out, Tensor in, Tensor rows) {
    throw new UnsupportedOperationException("gatherRows");
  }

  @Override
  public void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    throw new UnsupportedOperationException("rmsNorm");
  }

  @Override
  public void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    throw new UnsupportedOperationException("rmsNormBackward");
  }

  @Override
  public void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    throw new UnsupportedOperationException("rope");
  }

  @Override
  public void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    throw new UnsupportedOperationException("attention");
  }

  @Override
  public void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    throw new UnsupportedOperationException("attentionBackward");
  }

  @Override
  public void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    throw new UnsupportedOperationException("storeKeysAndValues");
  }

  @Override
  public void attentionDecode(
      Tensor out, Tensor qkv, Tensor keys, Tensor values, Tensor slots, Tensor lengths, int longest,
      AttentionShape shape) {
    throw new UnsupportedOperationException("attentionDecode");
  }

  @Override
  public void swiglu(Tensor out, Tensor gateUp) {
    throw new UnsupportedOperationException("swiglu");
  }

  @Override
  public void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    throw new UnsupportedOperationException("swigluBackward");
  }

  @Override
  public void crossEntropy(
      Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    throw new UnsupportedOperationException("crossEntropy");
  }

  @Override
  public void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    throw new UnsupportedOperationException("gradientNorm");
  }

  @Override
  public void adamW(
      List<Tensor> parameters, List<Tensor> gradients, List<Tensor> firstMoments, List<Tensor> secondMoments,
      Tensor scale, AdamW step) {
    throw new UnsupportedOperationException("adamW");
  }
}
