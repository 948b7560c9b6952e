package dev.cocktail.tensor;

import java.util.List;

/**
 * Every operation the engine knows, forward and backward: the seam between devices. A model is written once, on this
 * interface.
 *
 * <p><b>Conventions.</b> Outputs come first and are allocated by the caller; an output does not overlap an input unless
 * the text says so. {@code T} is the number of tokens of a packed batch, {@code H} a hidden width, {@code V} the
 * vocabulary. "activation" means {@link Device#activationType()}, "parameter" means {@link Device#parameterType()},
 * "weight" means parameter type or any of F32, BF16 and F16. Sums are accumulated in at least F32. Every operation
 * accepts T = 0. {@code dX} names the gradient of the loss with respect to {@code X}. A backward operation writes each
 * gradient as {@code dX = value} or, where its {@code accumulate} is true, {@code dX += value}; gradients of parameters
 * always accumulate. Results depend neither on the number of threads nor on earlier calls.
 *
 * @throws IllegalArgumentException (all operations) when dtypes or shapes do not fit what is stated
 */
public interface Ops {

  // Elementwise and small

  /** Fills a floating-point tensor with one value. */
  void fill(Tensor out, double value);

  /** {@link #fill(Tensor, double)} of many tensors, for devices where each call costs time. */
  default void fill(List<Tensor> outs, double value) {
    outs.forEach(out -> fill(out, value));
  }

  /** Copies with conversion between floating-point types, or bit for bit between equal types; equal element counts. */
  void cast(Tensor out, Tensor in);

  /** {@link #cast(Tensor, Tensor)} of many tensors, pair by pair, for devices where each call costs time. */
  default void cast(List<Tensor> outs, List<Tensor> ins) {
    if (outs.size() != ins.size()) {
      throw new IllegalArgumentException("cast: " + outs.size() + " outputs for " + ins.size() + " inputs");
    }
    for (int i = 0; i < outs.size(); i++) {
      cast(outs.get(i), ins.get(i));
    }
  }

  /** {@code out = a + scale * b}, elementwise on equal shapes and activation or parameter type; out may be a or b. */
  void addScaled(Tensor out, Tensor a, Tensor b, double scale);

  /** {@code x *= scale}, elementwise, in place. */
  void scale(Tensor x, double scale);

  /**
   * {@code out[t,n] = in[t,n] * factors[n]}; out and in activation [T,N] and may be the same, factors parameter type
   * [N].
   */
  void scaleColumns(Tensor out, Tensor in, Tensor factors);

  /**
   * Backward of {@link #scaleColumns}: {@code dIn (+)= dOut * factors}, {@code dFactors[n] += sum_t dOut[t,n] *
   * in[t,n]}. dIn may be null, or dOut itself; dFactors may be null.
   */
  void scaleColumnsBackward(Tensor dIn, boolean accumulate, Tensor dFactors, Tensor dOut, Tensor in, Tensor factors);

  /** {@code out[i] = a[i] / b[i]}, or {@code out[i] += a[i] / b[i]}; parameter type, equal shapes. */
  void divide(Tensor out, boolean accumulate, Tensor a, Tensor b);

  /**
   * Inverted dropout: {@code out[i] = in[i] / (1 - p)} where {@link Philox#toUnitFloat}{@code (word i of key) >= p},
   * else 0; with {@code accumulate}, {@code out[i] += ...}. It is its own backward: apply it to the gradient with the
   * same key. Activation type, 0 <= p < 1; out may be in when not accumulating.
   */
  void dropout(Tensor out, boolean accumulate, Tensor in, double p, RandomKey key);

  /** Fills with uniform numbers in [low, high): {@code low + (high - low) * toUnitFloat(word i)}. Floating type. */
  void uniform(Tensor out, double low, double high, RandomKey key);

  /**
   * Fills with normal numbers by Box and Muller from words {@code 2j} and {@code 2j + 1} of the key: {@code r = sqrt(-2
   * ln((u0 + 1) 2^-32))} with the unsigned word u0, angle {@code 2 pi u1 2^-32}; element 2j is {@code mean + std r
   * cos(angle)}, element 2j + 1 the sine. Floating type.
   */
  void normal(Tensor out, double mean, double std, RandomKey key);

  /** {@code out[i] = index of the largest element of row i}, the first of equals; out I32 [T], in floating [T,V]. */
  void argmax(Tensor out, Tensor in);

  // Matrix products

  /**
   * {@code C = alpha op(A) op(B) + beta C} on row-major matrices, op(X) being X or its transpose: op(A) is [M,K], op(B)
   * is [K,N], C is [M,N]. A and B have any of F32, BF16, F16 (F64 in the reference); C has activation or parameter
   * type. With beta = 0, C is only written. A and B need not have the same type: a device widens what its products need
   * wide, and where one operand has its activation type, it may round the other to that. Such rounding costs the type's
   * unit roundoff times the sum of the products' magnitudes. Operands of one type are never rounded.
   */
  void gemm(Tensor c, double alpha, Tensor a, boolean transposeA, Tensor b, boolean transposeB, double beta);

  /**
   * Euclidean norm of each row of {@code W + scale B A}, the vector DoRA divides by (Liu et al., 2024, eq. 5): {@code
   * out[n] = || W[n,:] + scale sum_r B[n,r] A[r,:] ||}; out parameter [N], W weight [N,K], B parameter [N,R], A
   * parameter [R,K].
   */
  void adaptedRowNorm(Tensor out, Tensor w, Tensor b, Tensor a, double scale);

  // The transformer's own

  /** {@code out[t,:] = weight[ids[t],:]}; out activation [T,H], weight [V,H], ids I32 [T], each in [0, V). */
  void embedding(Tensor out, Tensor weight, Tensor ids);

  /** Backward of {@link #embedding}: {@code dWeight[ids[t],:] += dOut[t,:]}, in order of t; dWeight parameter [V,H]. */
  void embeddingBackward(Tensor dWeight, Tensor dOut, Tensor ids);

  /** {@code out[i,:] = in[rows[i],:]}; out [R,H] and in [T,H] activation, rows I32 [R]. */
  void gatherRows(Tensor out, Tensor in, Tensor rows);

  /**
   * Root-mean-square norm, with the residual addition before it fused: {@code sum = x + residual} (left out when
   * residual and sum are null, then x is what is normalised), {@code rstd[t] = 1 / sqrt(mean_h sum[t,h]^2 + epsilon)},
   * {@code out[t,h] = sum[t,h] rstd[t] weight[h]}. Activations [T,H], rstd F32 [T] (F64 in the reference), weight [H].
   * sum may be x or residual.
   */
  void rmsNorm(Tensor out, Tensor rstd, Tensor sum, Tensor x, Tensor residual, Tensor weight, double epsilon);

  /**
   * Backward of {@link #rmsNorm} with respect to what was normalised: with {@code g = dOut weight} and {@code n = x
   * rstd}, {@code dX (+)= rstd (g - n mean_h(g n))}; {@code dWeight[h] += sum_t dOut[t,h] n[t,h]}. dX or dWeight may be
   * null; dX may be dOut when not accumulating.
   *
   * @param x what was normalised (sum, where a residual was added)
   */
  void rmsNormBackward(
      Tensor dX, boolean accumulate, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, Tensor rstd);

  /**
   * Rotates the first {@code rot} elements of every query and key head in place, pairs being (j, j + rot/2): {@code (a,
   * b) -> (a cos - b sin, b cos + a sin)}, or with {@code inverse} by the negative angle, which is the backward pass.
   * cos and sin need not be on the unit circle: longrope scales both, so the inverse is a transpose, not an undoing.
   *
   * @param qkv activation [T, (nq + 2 nkv) d]: all query heads, then all key heads, then all value heads (untouched)
   * @param cos F32 [P, rot/2] (F64 in the reference); its width gives rot
   * @param sin like cos
   * @param rowOfToken I32 [T]: which row of the tables a token uses, each in [0, P)
   */
  void rope(Tensor qkv, Tensor cos, Tensor sin, Tensor rowOfToken, AttentionShape shape, boolean inverse);

  /**
   * Causal attention inside each packed sequence: for query i and head h, {@code s_j = scale q_i . k_j} over the keys
   * the window admits, {@code p = softmax(s)}, {@code out_i = sum_j p_j v_j}, {@code lse_i = ln sum_j exp(s_j)}. No
   * matrix of all scores is ever stored.
   *
   * @param out activation [T, nq d]
   * @param lse F32 [T, nq] (F64 in the reference), kept for the backward pass
   * @param qkv activation [T, (nq + 2 nkv) d] as in {@link #rope}
   */
  void attention(Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape);

  /**
   * Backward of {@link #attention}, recomputing p from lse: {@code dv_j = sum_i p_ij dOut_i}, {@code ds_ij = p_ij
   * (dOut_i . v_j - dOut_i . out_i)}, {@code dq_i = scale sum_j ds_ij k_j}, {@code dk_j = scale sum_i ds_ij q_i}, key
   * and value gradients summed over the query heads that share them. dQkv is written whole.
   */
  void attentionBackward(
      Tensor dQkv, Tensor dOut, Tensor out, Tensor lse, Tensor qkv, Sequences sequences, AttentionShape shape);

  /**
   * Stores the keys and values of packed tokens into a cache: token i of sequence b goes to row {@code start[b] + i} of
   * slot {@code slots[b]}.
   *
   * @param keys activation [slots, capacity, nkv d]
   * @param values like keys
   * @param slots I32 [sequences.count()] on the device, distinct
   * @param starts I32 [sequences.count()] on the device
   */
  void storeKeysAndValues(
      Tensor keys, Tensor values, Tensor qkv, Sequences sequences, Tensor slots, Tensor starts, AttentionShape shape);

  /**
   * Attention of one new token a sequence over its cached keys and values, its own among them already.
   *
   * @param out activation [B, nq d]
   * @param qkv activation [B, (nq + 2 nkv) d]; only the queries are read
   * @param keys activation [slots, capacity, nkv d]
   * @param values like keys
   * @param slots I32 [B]: each sequence's slot
   * @param lengths I32 [B]: how many rows of the slot are filled; the query stands at position length - 1
   * @param longest an upper bound of lengths, for shaping the work
   */
  void attentionDecode(
      Tensor out,
      Tensor qkv,
      Tensor keys,
      Tensor values,
      Tensor slots,
      Tensor lengths,
      int longest,
      AttentionShape shape);

  /**
   * The gated unit on fused projections: {@code out[t,i] = silu(gateUp[t,i]) gateUp[t,I+i]}, {@code silu(z) = z / (1 +
   * exp(-z))}; out activation [T,I], gateUp [T,2I].
   */
  void swiglu(Tensor out, Tensor gateUp);

  /**
   * Backward of {@link #swiglu}, with s = sigmoid(gate): {@code dUp = dOut gate s}, {@code dGate = dOut up s (1 + gate
   * (1 - s))}. dGateUp is written whole and may be gateUp.
   */
  void swigluBackward(Tensor dGateUp, Tensor dOut, Tensor gateUp);

  /**
   * Cross-entropy over the vocabulary, fused with the output projection and with its gradient; the logits of all tokens
   * never exist together. With {@code z_t = W hidden_t}: {@code losses[t] = ln sum_v exp(z_tv) - z_t,target} where
   * targets[t] >= 0, else 0. With {@code g_tv = weights[t] (softmax(z_t)_v - [v = target])} (0 for ignored tokens):
   * {@code dHidden[t,:] = sum_v g_tv W[v,:]}, {@code dW[v,:] += sum_t g_tv hidden[t,:]}. So dHidden and dW are the
   * gradients of {@code sum_t weights[t] losses[t]}. A device may round g to activations, and W as {@link #gemm} says.
   *
   * @param losses F32 [T] (F64 in the reference), unweighted
   * @param dHidden activation [T,H], written whole; null when not wanted
   * @param dW parameter [V,H]; null when W is frozen
   * @param hidden activation [T,H]
   * @param w weight [V,H]
   * @param targets I32 [T], a negative number for tokens without a target
   * @param weights F32 [T] (F64 in the reference)
   */
  void crossEntropy(Tensor losses, Tensor dHidden, Tensor dW, Tensor hidden, Tensor w, Tensor targets, Tensor weights);

  // The optimiser

  /**
   * The Euclidean norm over all gradients together, and the factor that clips it, as PyTorch's clip_grad_norm_ defines
   * them: {@code scale = min(1, maxNorm / (norm + 1e-6))}; 1 when maxNorm is infinite. Not-a-number and infinity show
   * in norm. norm and scale are F32 [1] (F64 in the reference), gradients parameter type.
   */
  void gradientNorm(Tensor norm, Tensor scale, List<Tensor> gradients, double maxNorm);

  /**
   * One AdamW step over all tensors, with {@code g = scale[0] gradient}: {@code p *= 1 - lr decay; m = b1 m + (1 - b1)
   * g; v = b2 v + (1 - b2) g^2; p -= lr (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)}. All parameter type, lists of
   * equal length and shapes; scale as {@link #gradientNorm} writes it.
   */
  void adamW(
      List<Tensor> parameters,
      List<Tensor> gradients,
      List<Tensor> firstMoments,
      List<Tensor> secondMoments,
      Tensor scale,
      AdamW step);
}
