package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.Sequences;
import java.util.Arrays;

/** One case of attention each, on random numbers, within {@link AttentionBounds} of the reference. */
final class AttentionTrials {
  private AttentionTrials() {}

  /** Forward, of packed sequences of these lengths. */
  static void attention(Trial trial, AttentionShape shape, Operand qkv, Integer... pack) {
    trial.pack(pack);
    Sequences sequences = trial.packed();
    Operand out = trial.activationOut(sequences.tokens(), shape.queryWidth());
    Operand lse = trial.parameterOut(sequences.tokens(), shape.heads());
    trial.run((ops, side) -> ops.attention(side.of(out), side.of(lse), side.of(qkv), side.packed(), shape));
    var bounds = new AttentionBounds(shape, trial.tolerance(), qkv.values());
    double[] outBound = bounds.out(sequences);
    double[] lseBound = bounds.lse(sequences, lse.values());
    trial.check("out", out, i -> outBound[i]);
    trial.check("lse", lse, i -> lseBound[i]);
  }

  /** Backward, of packed sequences of these lengths. */
  static void attentionBackward(Trial trial, AttentionShape shape, double[] values, Integer... pack) {
    trial.pack(pack);
    Sequences sequences = trial.packed();
    int t = sequences.tokens();
    Operand qkv = trial.activation(values, t, shape.qkvWidth());
    Operand dOut = trial.activation(t, shape.queryWidth());
    // What the forward pass leaves is the reference's, rounded, so that only the backward pass is judged.
    Operand forwardOut = trial.activationOut(t, shape.queryWidth());
    Operand forwardLse = trial.parameterOut(t, shape.heads());
    ReferenceAttention.attention(forwardOut.reference(), forwardLse.reference(), qkv.reference(), sequences, shape);
    Operand out = trial.activation(forwardOut.values(), t, shape.queryWidth());
    Operand lse = trial.parameter(forwardLse.values(), t, shape.heads());
    Operand dQkv = trial.activationOut(t, shape.qkvWidth());
    trial.run((ops, side) ->
        ops.attentionBackward(
            side.of(dQkv), side.of(dOut), side.of(out), side.of(lse), side.of(qkv), side.packed(), shape));
    double[] bound =
        new AttentionBounds(shape, trial.tolerance(), qkv.values())
            .dQkv(sequences, dOut.values(), out.values(), lse.values());
    trial.check("dQkv", dQkv, i -> bound[i]);
  }

  /** Decoding over caches of this capacity, filled up to these lengths. */
  static void attentionDecode(Trial trial, AttentionShape shape, int capacity, int... lengths) {
    int slotCount = lengths.length + 2;
    int width = shape.kvWidth();
    int[] slot = new int[lengths.length];
    Arrays.setAll(slot, b -> lengths.length - b);
    // Rows that no query may see are not numbers.
    double[] keyValues = new double[slotCount * capacity * width];
    double[] valueValues = new double[slotCount * capacity * width];
    Arrays.fill(keyValues, Double.NaN);
    Arrays.fill(valueValues, Double.NaN);
    int longest = 0;
    for (int b = 0; b < lengths.length; b++) {
      longest = Math.max(longest, lengths[b]);
      for (int j = (int) Math.max(0, (long) lengths[b] - shape.window()); j < lengths[b]; j++) {
        int row = (slot[b] * capacity + j) * width;
        System.arraycopy(trial.normal(1, width), 0, keyValues, row, width);
        System.arraycopy(trial.normal(1, width), 0, valueValues, row, width);
      }
    }
    int atMost = longest;
    Operand keys = trial.activation(keyValues, slotCount, capacity, width);
    Operand values = trial.activation(valueValues, slotCount, capacity, width);
    Operand qkv = trial.activation(lengths.length, shape.qkvWidth());
    Operand slots = trial.ints(slot);
    Operand filled = trial.ints(lengths);
    Operand out = trial.activationOut(lengths.length, shape.queryWidth());
    trial.run((ops, side) ->
        ops.attentionDecode(
            side.of(out),
            side.of(qkv),
            side.of(keys),
            side.of(values),
            side.of(slots),
            side.of(filled),
            atMost,
            shape));
    double[] bound =
        AttentionBounds.decode(
            shape, trial.tolerance(), qkv.values(), keys.values(), values.values(), capacity, slot, lengths);
    trial.check("out", out, i -> bound[i]);
  }
}
