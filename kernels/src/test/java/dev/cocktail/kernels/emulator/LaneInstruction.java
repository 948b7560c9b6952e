package dev.cocktail.kernels.emulator;

/** Computes a register of each lane from up to three others of the same lane. */
final class LaneInstruction extends Instruction {
  private final int out;
  private final int a;
  private final int b;
  private final int c;
  private final Lane operation;

  LaneInstruction(int out, int a, int b, int c, Lane operation) {
    this.out = out * Warp.LANES;
    this.a = a * Warp.LANES;
    this.b = b * Warp.LANES;
    this.c = c * Warp.LANES;
    this.operation = operation;
  }

  @Override
  void run(Warp warp, int lanes) {
    long[] r = warp.registers;
    Lane compute = operation;
    if (lanes == -1) {
      for (int lane = 0; lane < Warp.LANES; lane++) {
        r[out + lane] = compute.apply(r[a + lane], r[b + lane], r[c + lane]);
      }
      return;
    }
    for (int left = lanes; left != 0; left &= left - 1) {
      int lane = Integer.numberOfTrailingZeros(left);
      r[out + lane] = compute.apply(r[a + lane], r[b + lane], r[c + lane]);
    }
  }
}
