package dev.cocktail.kernels.emulator;

/** A decoded instruction: what it does in the lanes of a warp whose bits are set. */
@FunctionalInterface
interface Operation {
  void run(Warp warp, int lanes);
}
