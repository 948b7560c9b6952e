package dev.cocktail.tensor;

import java.util.List;

/**
 * Where packed sequences begin and end in a row of tokens: sequence {@code b} holds tokens {@code [offset(b), offset(b
 * + 1))}. Known on the host, where kernels are shaped, and on the device, where they run. A sequence may be empty.
 */
public final class Sequences {
  private final int[] offsets;
  private final int longest;
  private final Tensor onDevice;

  private Sequences(int[] offsets, Tensor onDevice) {
    this.offsets = offsets;
    this.onDevice = onDevice;
    int max = 0;
    for (int b = 0; b + 1 < offsets.length; b++) {
      max = Math.max(max, offsets[b + 1] - offsets[b]);
    }
    this.longest = max;
  }

  /** Sequences of the given lengths, with their offsets copied to the device's arena. */
  public static Sequences ofLengths(Device device, TensorArena arena, List<Integer> lengths) {
    int[] offsets = new int[lengths.size() + 1];
    for (int b = 0; b < lengths.size(); b++) {
      if (lengths.get(b) < 0) {
        throw new IllegalArgumentException("sequence " + b + " has a negative length");
      }
      offsets[b + 1] = Math.addExact(offsets[b], lengths.get(b));
    }
    Tensor copy = arena.allocate(DType.I32, offsets.length);
    device.copyFromHost(copy, Tensor.ofInts(offsets));
    return new Sequences(offsets, copy);
  }

  /** Number of sequences. */
  public int count() {
    return offsets.length - 1;
  }

  /** Index of the first token of a sequence; {@code offset(count())} is the number of tokens. */
  public int offset(int sequence) {
    return offsets[sequence];
  }

  /** Number of tokens of a sequence. */
  public int length(int sequence) {
    return offsets[sequence + 1] - offsets[sequence];
  }

  /** Number of tokens of all sequences. */
  public int tokens() {
    return offsets[offsets.length - 1];
  }

  /** Number of tokens of the longest sequence. */
  public int longest() {
    return longest;
  }

  /** The offsets on the device, I32 [count + 1]. */
  public Tensor onDevice() {
    return onDevice;
  }
}
