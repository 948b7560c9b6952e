package dev.cocktail.tensor.cpu;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.OpsArguments;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.lang.ref.Reference;
import java.util.List;

/** The operations on the processor: checks arguments and hands the work to the classes that do it. */
final class CpuOps implements Ops {
  private final WorkerPool pool;
  private final OpsArguments arguments = new OpsArguments(DType.F32, DType.F32);
  private final Gemm gemm;
  private final Conversions conversions;
  private final ElementwiseOps elementwise;
  private final ColumnOps columns;
  private final RandomOps random;
  private final RowOps rowOps;
  private final NormOps norms;
  private final AdaptedRowNorm adaptedRowNorm;
  private final RopeOps rope;
  private final SwigluOps swiglu;
  private final CrossEntropyOps crossEntropy;
  private final OptimizerOps optimizer;

  /**
   * Operations on the given threads.
   *
   * @param memory where operations borrow what they need for their own duration
   */
  CpuOps(WorkerPool pool, CpuMemory memory) {
    this.pool = pool;
    this.gemm = new Gemm(pool);
    this.conversions = new Conversions(pool);
    this.elementwise = new ElementwiseOps(pool);
    this.columns = new ColumnOps(pool, memory);
    this.random = new RandomOps(pool);
    this.rowOps = new RowOps(pool);
    this.norms = new NormOps(pool, columns);
    this.adaptedRowNorm = new AdaptedRowNorm(pool, gemm, memory);
    this.rope = new RopeOps(pool);
    this.swiglu = new SwigluOps(pool);
    this.crossEntropy = new CrossEntropyOps(pool, gemm, memory);
    this.optimizer = new OptimizerOps(pool);
  }

  /** Keeps tensors that the garbage collector owns from going while an operation runs on their addresses. */
  private static void keep(Object... used) {
    for (Object object : used) {
      Reference.reachabilityFence(object);
    }
  }

  /** The pool that the operations run on. */
  WorkerPool pool() {
    return pool;
  }

  @Override
  public void fill(Tensor out, double value) {
    arguments.fill(out, value);
    elementwise.fill(out, value);
    keep(out);
  }

  @Override
  public void cast(Tensor out, Tensor in) {
    arguments.cast(out, in);
    conversions.cast(out, in);
    keep(out, in);
  }

  @Override
  public void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    arguments.addScaled(out, a, b, scale);
    elementwise.addScaled(out, a, b, scale);
    keep(out, a, b);
  }

  @Override
  public void scale(Tensor x, double scale) {
    arguments.scale(x, scale);
    elementwise.scale(x, scale);
    keep(x);
  }

  @Override
  public void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    arguments.scaleColumns(out, in, factors);
    columns.scaleColumns(out, in, factors);
    keep(out, in, factors);
  }

  @Override
  public void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    arguments.scaleColumnsBackward(dIn, accumulate, dFactors, dOut, in, factors);
    columns.scaleColumnsBackward(dIn, accumulate, dFactors, dOut, in, factors);
    keep(dIn, dFactors, dOut, in, factors);
  }

  @Override
  public void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    arguments.divide(out, accumulate, a, b);
    elementwise.divide(out, accumulate, a, b);
    keep(out, a, b);
  }

  @Override
  public void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    arguments.dropout(out, accumulate, in, p, key);
    random.dropout(out, accumulate, in, p, key);
    keep(out, in);
  }

  @Override
  public void uniform(Tensor out, double low, double high, RandomKey key) {
    arguments.uniform(out, low, high, key);
    random.uniform(out, low, high, key);
    keep(out);
  }

  @Override
  public void normal(Tensor out, double mean, double std, RandomKey key) {
    arguments.normal(out, mean, std, key);
    random.normal(out, mean, std, key);
    keep(out);
  }

  @Override
  public void argmax(Tensor out, Tensor in) {
    arguments.argmax(out, in);
    rowOps.argmax(out, in);
    keep(out, in);
  }

  @Override
  public void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    arguments.gemm(c, alpha, a, transposeA, b, transposeB, beta);
    gemm.multiply(c, alpha, a, transposeA, b, transposeB, beta);
    keep(c, a, b);
  }

  @Override
  public void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    arguments.adaptedRowNorm(out, w, b, a, scale);
    adaptedRowNorm.adaptedRowNorm(out, w, b, a, scale);
    keep(out, w, b, a);
  }

  @Override
  public void embedding(Tensor out, Tensor weight, Tensor ids) {
    arguments.embedding(out, weight, ids);
    rowOps.embedding(out, weight, ids);
    keep(out, weight, ids);
  }

  @Override
  public void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    arguments.embeddingBackward(dWeight, dOut, ids);
    rowOps.embeddingBackward(dWeight, dOut, ids);
    keep(dWeight, dOut, ids);
  }

  @Override
  public void gatherRows(Tensor out, Tensor in, Tensor rows) {
    arguments.gatherRows(out, in, rows);
    rowOps.gatherRows(out, in, rows);
    keep(out, in, rows);
  }

  @Override
  public void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    arguments.rmsNorm(out, rstd, sum, x, residual, weight, epsilon);
    norms.rmsNorm(out, rstd, sum, x, residual, weight, epsilon);
    keep(out, rstd, sum, x, residual, weight);
  }

  @Override
  public void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    arguments.rmsNormBackward(dX, accumulate, dWeight, dOut, x, weight, rstd);
    norms.rmsNormBackward(dX, accumulate, dWeight, dOut, x, weight, rstd);
    keep(dX, dWeight, dOut, x, weight, rstd);
  }

  @Override
  public void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    arguments.rope(qkv, cos, sin, rowOfToken, shape, inverse);
    rope.rope(qkv, cos, sin, rowOfToken, shape, inverse);
    keep(qkv, cos, sin, rowOfToken);
  }

  @Override
  public void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    arguments.attention(out, lse, qkv, sequences, shape);
    CpuAttention.run(pool, out, lse, qkv, sequences, shape);
    keep(out, lse, qkv);
  }

  @Override
  public void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    arguments.attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    CpuAttentionBackward.run(pool, dQkv, dOut, out, lse, qkv, sequences, shape);
    keep(dQkv, dOut, out, lse, qkv);
  }

  @Override
  public void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    arguments.storeKeysAndValues(keys, values, qkv, sequences, slots, starts, shape);
    CpuAttentionDecode.storeKeysAndValues(pool, keys, values, qkv, sequences, slots, starts, shape);
    keep(keys, values, qkv, slots, starts);
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
    CpuAttentionDecode.run(pool, out, qkv, keys, values, slots, lengths, longest, shape);
    keep(out, qkv, keys, values, slots, lengths);
  }

  @Override
  public void swiglu(Tensor out, Tensor gateUp) {
    arguments.swiglu(out, gateUp);
    swiglu.swiglu(out, gateUp);
    keep(out, gateUp);
  }

  @Override
  public void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    arguments.swigluBackward(dGateUp, dOut, gateUp);
    swiglu.swigluBackward(dGateUp, dOut, gateUp);
    keep(dGateUp, dOut, gateUp);
  }

  @Override
  public void crossEntropy(
      Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    arguments.crossEntropy(losses, dHidden, dW, hidden, w, targets, weights);
    crossEntropy.crossEntropy(losses, dHidden, dW, hidden, w, targets, weights);
    keep(losses, dHidden, dW, hidden, w, targets, weights);
  }

  @Override
  public void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    arguments.gradientNorm(norm, scale, gradients, maxNorm);
    optimizer.gradientNorm(norm, scale, gradients, maxNorm);
    keep(norm, scale, gradients);
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
    keep(parameters, gradients, firstMoments, secondMoments, scale);
  }
}
