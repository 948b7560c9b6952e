package dev.cocktail.kernels.emulator;

/**
 * The instructions that kernels consist of for the most part, each with a loop of its own that the JIT compiler can
 * turn into vector code; {@link LaneInstruction} serves the rest.
 */
final class HotInstructions {
  private HotInstructions() {}

  /** With the first lane's place of each register. */
  private abstract static class Hot extends Instruction {
    final int out;
    final int a;
    final int b;
    final int c;

    Hot(int out, int a, int b, int c) {
      this.out = out * Warp.LANES;
      this.a = a * Warp.LANES;
      this.b = b * Warp.LANES;
      this.c = c * Warp.LANES;
    }

    abstract void all(long[] r);

    abstract void one(long[] r, int lane);

    @Override
    final void run(Warp warp, int lanes) {
      if (lanes == -1) {
        all(warp.registers);
        return;
      }
      for (int left = lanes; left != 0; left &= left - 1) {
        one(warp.registers, Integer.numberOfTrailingZeros(left));
      }
    }
  }

  static Instruction move(int out, int a) {
    return new Hot(out, a, a, a) {
      @Override
      void all(long[] r) {
        System.arraycopy(r, a, r, out, Warp.LANES);
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] = r[a + lane];
      }
    };
  }

  static Instruction add32(int out, int a, int b) {
    return new Hot(out, a, b, b) {
      @Override
      void all(long[] r) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          one(r, lane);
        }
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] = (int) (r[a + lane] + r[b + lane]);
      }
    };
  }

  static Instruction add64(int out, int a, int b) {
    return new Hot(out, a, b, b) {
      @Override
      void all(long[] r) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          one(r, lane);
        }
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] = r[a + lane] + r[b + lane];
      }
    };
  }

  static Instruction multiplyAddF32(int out, int a, int b, int c) {
    return new Hot(out, a, b, c) {
      @Override
      void all(long[] r) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          one(r, lane);
        }
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] =
            Float.floatToRawIntBits(
                Math.fma(
                    Float.intBitsToFloat((int) r[a + lane]),
                    Float.intBitsToFloat((int) r[b + lane]),
                    Float.intBitsToFloat((int) r[c + lane])));
      }
    };
  }

  static Instruction multiplyF32(int out, int a, int b) {
    return new Hot(out, a, b, b) {
      @Override
      void all(long[] r) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          one(r, lane);
        }
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] =
            Float.floatToRawIntBits(Float.intBitsToFloat((int) r[a + lane]) * Float.intBitsToFloat((int) r[b + lane]));
      }
    };
  }

  static Instruction addF32(int out, int a, int b) {
    return new Hot(out, a, b, b) {
      @Override
      void all(long[] r) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          one(r, lane);
        }
      }

      @Override
      void one(long[] r, int lane) {
        r[out + lane] =
            Float.floatToRawIntBits(Float.intBitsToFloat((int) r[a + lane]) + Float.intBitsToFloat((int) r[b + lane]));
      }
    };
  }
}
