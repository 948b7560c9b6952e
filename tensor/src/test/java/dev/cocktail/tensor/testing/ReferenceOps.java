package dev.cocktail.tensor.testing;

import static dev.cocktail.tensor.testing.Values.add;
import static dev.cocktail.tensor.testing.Values.columns;
import static dev.cocktail.tensor.testing.Values.read;
import static dev.cocktail.tensor.testing.Values.rows;
import static dev.cocktail.tensor.testing.Values.store;
import static dev.cocktail.tensor.testing.Values.write;

import dev.cocktail.tensor.AdamW;
import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Ops;
import dev.cocktail.tensor.Philox;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import java.util.List;

/**
 * Every operation as its formula reads, in double precision and without a thought for speed: the judge of all devices.
 * Activations, parameters and statistics are F64; weights may have any floating-point type.
 */
public final class ReferenceOps implements Ops {

  @Override
  public void fill(Tensor out, double value) {
    Expect.floating("out", out);
    for (long i = 0; i < out.elements(); i++) {
      out.set(i, value);
    }
  }

  @Override
  public void cast(Tensor out, Tensor in) {
    Expect.require(out.elements() == in.elements(), "cast needs equal element counts: " + out + ", " + in);
    if (out.dtype() == in.dtype()) {
      out.segment().copyFrom(in.segment());
      return;
    }
    Expect.floating("out", out);
    Expect.floating("in", in);
    write(out, read(in));
  }

  @Override
  public void addScaled(Tensor out, Tensor a, Tensor b, double scale) {
    Expect.value("a", a, out.shape().dims());
    Expect.value("b", b, out.shape().dims());
    Expect.value("out", out, out.shape().dims());
    double[] sum = read(a);
    double[] addend = read(b);
    for (int i = 0; i < sum.length; i++) {
      sum[i] += scale * addend[i];
    }
    write(out, sum);
  }

  @Override
  public void scale(Tensor x, double scale) {
    Expect.value("x", x, x.shape().dims());
    double[] values = read(x);
    for (int i = 0; i < values.length; i++) {
      values[i] *= scale;
    }
    write(x, values);
  }

  /** out and in [T,N], factors [N]. */
  @Override
  public void scaleColumns(Tensor out, Tensor in, Tensor factors) {
    Expect.rank("in", in, 2);
    int n = columns(in);
    Expect.value("out", out, rows(in), n);
    Expect.value("in", in, rows(in), n);
    Expect.value("factors", factors, n);
    double[] x = read(in);
    double[] factor = read(factors);
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor[i % n];
    }
    write(out, x);
  }

  /** dIn, dOut and in [T,N], factors and dFactors [N]. */
  @Override
  public void scaleColumnsBackward(
      Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors) {
    Expect.rank("in", in, 2);
    int n = columns(in);
    Expect.value("dOut", dOut, rows(in), n);
    Expect.value("in", in, rows(in), n);
    Expect.value("factors", factors, n);
    double[] dY = read(dOut);
    double[] x = read(in);
    double[] factor = read(factors);
    double[] dX = new double[dY.length];
    double[] dFactor = new double[n];
    for (int i = 0; i < dY.length; i++) {
      dX[i] = dY[i] * factor[i % n];
      dFactor[i % n] += dY[i] * x[i];
    }
    if (dIn != null) {
      Expect.value("dIn", dIn, rows(in), n);
      store(dIn, accumulate, dX);
    }
    if (dFactors != null) {
      Expect.value("dFactors", dFactors, n);
      add(dFactors, dFactor);
    }
  }

  @Override
  public void divide(Tensor out, boolean accumulate, Tensor a, Tensor b) {
    Expect.value("a", a, out.shape().dims());
    Expect.value("b", b, out.shape().dims());
    Expect.value("out", out, out.shape().dims());
    double[] quotient = read(a);
    double[] divisor = read(b);
    for (int i = 0; i < quotient.length; i++) {
      quotient[i] /= divisor[i];
    }
    store(out, accumulate, quotient);
  }

  @Override
  public void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key) {
    Expect.value("in", in, out.shape().dims());
    Expect.value("out", out, out.shape().dims());
    Expect.require(p >= 0 && p < 1, "p must be in [0, 1), it is " + p);
    double[] x = read(in);
    for (int i = 0; i < x.length; i++) {
      boolean kept = Philox.toUnitFloat(Philox.word(key, i)) >= p;
      x[i] = kept ? x[i] / (1 - p) : 0;
    }
    store(out, accumulate, x);
  }

  @Override
  public void uniform(Tensor out, double low, double high, RandomKey key) {
    Expect.floating("out", out);
    for (long i = 0; i < out.elements(); i++) {
      out.set(i, low + (high - low) * Philox.toUnitFloat(Philox.word(key, i)));
    }
  }

  @Override
  public void normal(Tensor out, double mean, double std, RandomKey key) {
    Expect.floating("out", out);
    for (long i = 0; i < out.elements(); i++) {
      long j = i / 2;
      long u0 = Integer.toUnsignedLong(Philox.word(key, 2 * j));
      long u1 = Integer.toUnsignedLong(Philox.word(key, 2 * j + 1));
      double r = Math.sqrt(-2 * Math.log((u0 + 1) * 0x1.0p-32));
      double angle = 2 * Math.PI * u1 * 0x1.0p-32;
      out.set(i, mean + std * r * (i % 2 == 0 ? Math.cos(angle) : Math.sin(angle)));
    }
  }

  /** out [T], in [T,V]. */
  @Override
  public void argmax(Tensor out, Tensor in) {
    Expect.rank("in", in, 2);
    Expect.floating("in", in);
    Expect.ints("out", out, in.dim(0));
    Expect.require(in.dim(0) == 0 || in.dim(1) > 0, "rows without elements have no largest one");
    int width = columns(in);
    double[] x = read(in);
    for (int t = 0; t < rows(in); t++) {
      int best = 0;
      for (int v = 1; v < width; v++) {
        if (x[t * width + v] > x[t * width + best]) {
          best = v;
        }
      }
      out.set(t, best);
    }
  }

  /** op(A) [M,K], op(B) [K,N], C [M,N]. */
  @Override
  public void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta) {
    Expect.rank("a", a, 2);
    Expect.rank("b", b, 2);
    int m = transposeA ? columns(a) : rows(a);
    int k = transposeA ? rows(a) : columns(a);
    int n = transposeB ? rows(b) : columns(b);
    Expect.floating("a", a);
    Expect.weight("b", b, transposeB ? new long[] {n, k} : new long[] {k, n});
    Expect.value("c", c, m, n);
    double[] x = read(a);
    double[] y = read(b);
    double[] z = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int l = 0; l < k; l++) {
          sum += x[transposeA ? l * m + i : i * k + l] * y[transposeB ? j * k + l : l * n + j];
        }
        z[i * n + j] = alpha * sum;
      }
    }
    if (beta != 0) {
      double[] old = read(c);
      for (int i = 0; i < z.length; i++) {
        z[i] += beta * old[i];
      }
    }
    write(c, z);
  }

  /** out [N], w [N,K], b [N,R], a [R,K]. */
  @Override
  public void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale) {
    Expect.rank("w", w, 2);
    Expect.rank("a", a, 2);
    int n = rows(w);
    int k = columns(w);
    int r = rows(a);
    Expect.value("out", out, n);
    Expect.weight("w", w, n, k);
    Expect.value("b", b, n, r);
    Expect.value("a", a, r, k);
    double[] base = read(w);
    double[] left = read(b);
    double[] right = read(a);
    double[] norms = new double[n];
    for (int i = 0; i < n; i++) {
      double squares = 0;
      for (int j = 0; j < k; j++) {
        double product = 0;
        for (int l = 0; l < r; l++) {
          product += left[i * r + l] * right[l * k + j];
        }
        double adapted = base[i * k + j] + scale * product;
        squares += adapted * adapted;
      }
      norms[i] = Math.sqrt(squares);
    }
    write(out, norms);
  }

  /** out [T,H], weight [V,H], ids [T]. */
  @Override
  public void embedding(Tensor out, Tensor weight, Tensor ids) {
    Expect.rank("weight", weight, 2);
    int h = columns(weight);
    Expect.value("out", out, ids.elements(), h);
    Expect.floating("weight", weight);
    Expect.ints("ids", ids, ids.elements());
    for (int t = 0; t < ids.elements(); t++) {
      Expect.index("id " + t, ids.getInt(t), rows(weight));
      for (int j = 0; j < h; j++) {
        out.set((long) t * h + j, weight.get((long) ids.getInt(t) * h + j));
      }
    }
  }

  /** dWeight [V,H], dOut [T,H], ids [T]. */
  @Override
  public void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids) {
    Expect.rank("dWeight", dWeight, 2);
    int h = columns(dWeight);
    Expect.value("dWeight", dWeight, rows(dWeight), h);
    Expect.value("dOut", dOut, ids.elements(), h);
    Expect.ints("ids", ids, ids.elements());
    for (int t = 0; t < ids.elements(); t++) {
      Expect.index("id " + t, ids.getInt(t), rows(dWeight));
      for (int j = 0; j < h; j++) {
        long target = (long) ids.getInt(t) * h + j;
        dWeight.set(target, dWeight.get(target) + dOut.get((long) t * h + j));
      }
    }
  }

  /** out [R,H], in [T,H], rows [R]. */
  @Override
  public void gatherRows(Tensor out, Tensor in, Tensor rows) {
    Expect.rank("in", in, 2);
    int h = columns(in);
    Expect.value("in", in, rows(in), h);
    Expect.value("out", out, rows.elements(), h);
    Expect.ints("rows", rows, rows.elements());
    for (int i = 0; i < rows.elements(); i++) {
      Expect.index("row " + i, rows.getInt(i), rows(in));
      for (int j = 0; j < h; j++) {
        out.set((long) i * h + j, in.get((long) rows.getInt(i) * h + j));
      }
    }
  }

  /** out, sum, x and residual [T,H], rstd [T], weight [H]. */
  @Override
  public void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon) {
    Expect.rank("x", x, 2);
    int tokens = rows(x);
    int h = columns(x);
    Expect.value("out", out, tokens, h);
    Expect.value("rstd", rstd, tokens);
    Expect.value("x", x, tokens, h);
    Expect.weight("weight", weight, h);
    Expect.require((sum == null) == (residual == null), "sum and residual go together");
    double[] values = read(x);
    if (residual != null) {
      Expect.value("sum", sum, tokens, h);
      Expect.value("residual", residual, tokens, h);
      double[] addend = read(residual);
      for (int i = 0; i < values.length; i++) {
        values[i] += addend[i];
      }
      write(sum, values);
    }
    double[] gain = read(weight);
    for (int t = 0; t < tokens; t++) {
      double squares = 0;
      for (int j = 0; j < h; j++) {
        squares += values[t * h + j] * values[t * h + j];
      }
      double r = 1 / Math.sqrt(squares / h + epsilon);
      rstd.set(t, r);
      for (int j = 0; j < h; j++) {
        out.set((long) t * h + j, values[t * h + j] * r * gain[j]);
      }
    }
  }

  /** dX, dOut and x [T,H], dWeight and weight [H], rstd [T]. */
  @Override
  public void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd) {
    Expect.rank("x", x, 2);
    int tokens = rows(x);
    int h = columns(x);
    Expect.value("dOut", dOut, tokens, h);
    Expect.value("x", x, tokens, h);
    Expect.weight("weight", weight, h);
    Expect.value("rstd", rstd, tokens);
    double[] dY = read(dOut);
    double[] values = read(x);
    double[] gain = read(weight);
    double[] dValues = new double[values.length];
    double[] dGain = new double[h];
    for (int t = 0; t < tokens; t++) {
      double r = rstd.get(t);
      double mean = 0;
      for (int j = 0; j < h; j++) {
        double g = dY[t * h + j] * gain[j];
        double n = values[t * h + j] * r;
        mean += g * n / h;
        dGain[j] += dY[t * h + j] * n;
      }
      for (int j = 0; j < h; j++) {
        double g = dY[t * h + j] * gain[j];
        double n = values[t * h + j] * r;
        dValues[t * h + j] = r * (g - n * mean);
      }
    }
    if (dX != null) {
      Expect.value("dX", dX, tokens, h);
      store(dX, accumulate, dValues);
    }
    if (dWeight != null) {
      Expect.value("dWeight", dWeight, h);
      add(dWeight, dGain);
    }
  }

  @Override
  public void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse) {
    ReferenceAttention.rope(qkv, cos, sin, rowOfToken, shape, inverse);
  }

  @Override
  public void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    ReferenceAttention.attention(out, lse, qkv, sequences, shape);
  }

  @Override
  public void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape) {
    ReferenceAttention.attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
  }

  @Override
  public void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape) {
    ReferenceAttention.storeKeysAndValues(keys, values, qkv, sequences, slots, starts, shape);
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
    ReferenceAttention.attentionDecode(out, qkv, keys, values, slots, lengths, longest, shape);
  }

  /** out [T,I], gateUp [T,2I]. */
  @Override
  public void swiglu(Tensor out, Tensor gateUp) {
    Expect.rank("out", out, 2);
    int tokens = rows(out);
    int width = columns(out);
    Expect.value("out", out, tokens, width);
    Expect.value("gateUp", gateUp, tokens, 2L * width);
    double[] x = read(gateUp);
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < width; i++) {
        double gate = x[t * 2 * width + i];
        double up = x[t * 2 * width + width + i];
        out.set((long) t * width + i, gate / (1 + Math.exp(-gate)) * up);
      }
    }
  }

  /** dOut [T,I], dGateUp and gateUp [T,2I]. */
  @Override
  public void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp) {
    Expect.rank("dOut", dOut, 2);
    int tokens = rows(dOut);
    int width = columns(dOut);
    Expect.value("dGateUp", dGateUp, tokens, 2L * width);
    Expect.value("dOut", dOut, tokens, width);
    Expect.value("gateUp", gateUp, tokens, 2L * width);
    double[] x = read(gateUp);
    double[] dX = new double[x.length];
    for (int t = 0; t < tokens; t++) {
      for (int i = 0; i < width; i++) {
        int atGate = t * 2 * width + i;
        int atUp = atGate + width;
        double dY = dOut.get((long) t * width + i);
        double s = 1 / (1 + Math.exp(-x[atGate]));
        dX[atUp] = dY * x[atGate] * s;
        dX[atGate] = dY * x[atUp] * s * (1 + x[atGate] * (1 - s));
      }
    }
    write(dGateUp, dX);
  }

  /** losses, targets and weights [T], dHidden and hidden [T,H], dW and w [V,H]. */
  @Override
  public void crossEntropy(
      Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights) {
    Expect.rank("hidden", hidden, 2);
    Expect.rank("w", w, 2);
    int tokens = rows(hidden);
    int h = columns(hidden);
    int vocabulary = rows(w);
    Expect.value("losses", losses, tokens);
    Expect.value("hidden", hidden, tokens, h);
    Expect.weight("w", w, vocabulary, h);
    Expect.ints("targets", targets, tokens);
    Expect.value("weights", weights, tokens);
    double[] x = read(hidden);
    double[] matrix = read(w);
    double[] dX = new double[x.length];
    double[] dMatrix = new double[matrix.length];
    for (int t = 0; t < tokens; t++) {
      int target = targets.getInt(t);
      losses.set(t, 0);
      if (target < 0) {
        continue;
      }
      Expect.index("target " + t, target, vocabulary);
      double[] logits = new double[vocabulary];
      double max = Double.NEGATIVE_INFINITY;
      for (int v = 0; v < vocabulary; v++) {
        for (int j = 0; j < h; j++) {
          logits[v] += matrix[v * h + j] * x[t * h + j];
        }
        max = Math.max(max, logits[v]);
      }
      double sum = 0;
      for (double logit : logits) {
        sum += Math.exp(logit - max);
      }
      losses.set(t, max + Math.log(sum) - logits[target]);
      for (int v = 0; v < vocabulary; v++) {
        double probability = Math.exp(logits[v] - max) / sum;
        double g = weights.get(t) * (probability - (v == target ? 1 : 0));
        for (int j = 0; j < h; j++) {
          dX[t * h + j] += g * matrix[v * h + j];
          dMatrix[v * h + j] += g * x[t * h + j];
        }
      }
    }
    if (dHidden != null) {
      Expect.value("dHidden", dHidden, tokens, h);
      write(dHidden, dX);
    }
    if (dW != null) {
      Expect.value("dW", dW, vocabulary, h);
      add(dW, dMatrix);
    }
  }

  @Override
  public void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm) {
    Expect.value("norm", norm, 1);
    Expect.value("scale", scale, 1);
    double squares = 0;
    for (Tensor gradient : gradients) {
      Expect.value("gradient", gradient, gradient.shape().dims());
      for (double g : read(gradient)) {
        squares += g * g;
      }
    }
    norm.set(0, Math.sqrt(squares));
    scale.set(0, maxNorm == Double.POSITIVE_INFINITY ? 1 : Math.min(1, maxNorm / (Math.sqrt(squares) + 1e-6)));
  }

  @Override
  public void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step) {
    Expect.sameShapes("parameters", parameters, parameters);
    Expect.sameShapes("gradients", gradients, parameters);
    Expect.sameShapes("first moments", firstMoments, parameters);
    Expect.sameShapes("second moments", secondMoments, parameters);
    Expect.value("scale", scale, 1);
    for (int i = 0; i < parameters.size(); i++) {
      double[] p = read(parameters.get(i));
      double[] gradient = read(gradients.get(i));
      double[] m = read(firstMoments.get(i));
      double[] v = read(secondMoments.get(i));
      for (int j = 0; j < p.length; j++) {
        double g = scale.get(0) * gradient[j];
        p[j] *= 1 - step.learningRate() * step.weightDecay();
        m[j] = step.beta1() * m[j] + (1 - step.beta1()) * g;
        v[j] = step.beta2() * v[j] + (1 - step.beta2()) * g * g;
        double mHat = m[j] / (1 - Math.pow(step.beta1(), step.step()));
        double vHat = v[j] / (1 - Math.pow(step.beta2(), step.step()));
        p[j] -= step.learningRate() * mHat / (Math.sqrt(vHat) + step.epsilon());
      }
      write(parameters.get(i), p);
      write(firstMoments.get(i), m);
      write(secondMoments.get(i), v);
    }
  }
}
