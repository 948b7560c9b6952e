package dev.cocktail.bench;

import dev.cocktail.tensor.AttentionShape;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.RandomKey;
import dev.cocktail.tensor.Sequences;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.util.Collections;
import java.util.List;

/**
 * An attention to be timed.
 *
 * @param sequences how many packed sequences
 * @param length tokens of each
 */
record AttentionCase(String name, int sequences, int length, AttentionShape shape) {
  static List<AttentionCase> all() {
    return List.of(
        of("512", 1, 512, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("512 d96", 1, 512, 8, 8, 96, AttentionShape.NO_WINDOW),
        of("512 d128", 1, 512, 8, 8, 128, AttentionShape.NO_WINDOW),
        of("4 x 512 grouped", 4, 512, 8, 2, 64, AttentionShape.NO_WINDOW),
        of("2048", 1, 2048, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("2048 window", 1, 2048, 8, 8, 96, 263),
        of("16 x 100", 16, 100, 8, 8, 64, AttentionShape.NO_WINDOW),
        of("64 x 32", 64, 32, 8, 8, 64, AttentionShape.NO_WINDOW));
  }

  private static AttentionCase of(
      String name, int sequences, int length, int heads, int kvHeads, int headDim, int window) {
    var shape = new AttentionShape(heads, kvHeads, headDim, 1 / Math.sqrt(headDim), window);
    return new AttentionCase(name, sequences, length, shape);
  }

  /**
   * Floating-point operations of the two products of the forward pass, over the pairs of tokens that see each other.
   */
  double forwardOperations() {
    double pairs = 0;
    for (int i = 0; i < length; i++) {
      pairs += Math.min(i + 1, shape.window());
    }
    return 4 * pairs * sequences * shape.headDim() * shape.heads();
  }

  /** Those of the five products of the backward pass. */
  double backwardOperations() {
    return 2.5 * forwardOperations();
  }

  /** The case on a device, with random numbers. */
  Work on(CpuDevice device, TensorArena arena) {
    var packed = Sequences.ofLengths(device, arena, Collections.nCopies(sequences, length));
    long tokens = packed.tokens();
    Tensor qkv = arena.allocate(DType.F32, tokens, shape.qkvWidth());
    Tensor dOut = arena.allocate(DType.F32, tokens, shape.queryWidth());
    device.ops().normal(qkv, 0, 1, new RandomKey(1, 0));
    device.ops().normal(dOut, 0, 1, new RandomKey(1, 1));
    return new Work(
        device,
        shape,
        packed,
        qkv,
        dOut,
        arena.allocate(DType.F32, tokens, shape.queryWidth()),
        arena.allocate(DType.F32, tokens, shape.heads()),
        arena.allocate(DType.F32, tokens, shape.qkvWidth()));
  }

  /** Tensors of a case and what is timed. */
  record Work(
      CpuDevice device,
      AttentionShape shape,
      Sequences sequences,
      Tensor qkv,
      Tensor dOut,
      Tensor out,
      Tensor lse,
      Tensor dQkv) {
    void forward() {
      device.ops().attention(out, lse, qkv, sequences, shape);
    }

    void backward() {
      device.ops().attentionBackward(dQkv, dOut, out, lse, qkv, sequences, shape);
    }

    /** Checks what softmax promises: the first query of a sequence sees one key, so its output is that key's value. */
    void verify() {
      int group = shape.heads() / shape.kvHeads();
      for (int b = 0; b < sequences.count(); b++) {
        long token = sequences.offset(b);
        for (int e = 0; e < shape.queryWidth(); e++) {
          int value =
              shape.queryWidth()
                  + shape.kvWidth()
                  + e / shape.headDim() / group * shape.headDim()
                  + e % shape.headDim();
          double expected = qkv.get(token * shape.qkvWidth() + value);
          if (out.get(token * shape.queryWidth() + e) != expected) {
            throw new IllegalStateException("sequence " + b + ", element " + e + " is wrong");
          }
        }
      }
    }
  }
}
