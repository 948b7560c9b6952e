package dev.cocktail.tensor;

/** The element type of activations that a user asks a device for; sums are F32 in any case, and so are parameters. */
public enum Precision {
  /** The device's own choice: BF16 on a GPU, F32 on the CPU. */
  AUTO,
  /** Half the memory, and many times the speed on a GPU's tensor cores. */
  BF16,
  /** For comparing, and for the CPU. */
  F32
}
