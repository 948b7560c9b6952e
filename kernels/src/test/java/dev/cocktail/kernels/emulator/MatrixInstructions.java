package dev.cocktail.kernels.emulator;

import dev.cocktail.kernels.emulator.Decoder.AddressOperand;
import dev.cocktail.kernels.emulator.Opcode.Type;

/**
 * Small matrix products of a warp and the loads that feed them. Which lane holds which elements is the PTX manual's,
 * sections "Matrix Fragments for mma.m16n8k16" and "ldmatrix". Sums are taken in double precision and rounded once.
 */
final class MatrixInstructions {
  private static final int ROWS = 16;
  private static final int COLUMNS = 8;

  /** Working memory of a warp. */
  static final class Scratch {
    private final double[] a = new double[ROWS * 16];
    private final double[] b = new double[16 * COLUMNS];
    private final double[] c = new double[ROWS * COLUMNS];
    private final int[] rows = new int[32 * 4];
  }

  private MatrixInstructions() {}

  static Operation decode(Decoder d, Opcode op) {
    op.required("sync");
    op.required("aligned");
    d.rendezvous(d.wordConstant(-1));
    return op.base.equals("mma") ? product(d, op) : load(d, op);
  }

  private static Operation load(Decoder d, Opcode op) {
    op.required("m8n8");
    int count = op.required("x1", "x2", "x4").charAt(1) - '0';
    boolean transposed = op.has("trans");
    op.required("shared", "shared::cta");
    op.required("b16");
    d.requireOperands(2);
    int[] results = d.bases(0, 32);
    AddressOperand address = d.address(1);
    if (results.length != count) {
      throw op.unknown();
    }
    return (w, lanes) -> {
      requireWholeWarp(w, lanes);
      int[] rows = w.matrices().rows;
      for (int row = 0; row < 8 * count; row++) {
        long at = address.of(w, row);
        w.requireAligned(row, at, 16);
        for (int i = 0; i < 4; i++) {
          rows[4 * row + i] = (int) w.block.shared.load(w, row, at + 4 * i, 4);
        }
      }
      for (int matrix = 0; matrix < count; matrix++) {
        int first = 32 * matrix;
        for (int l = 0; l < 32; l++) {
          int value;
          if (transposed) {
            int column = l / 4;
            int row = 2 * (l % 4);
            int low = rows[first + 4 * row + column / 2] >>> (16 * (column % 2)) & 0xFFFF;
            int high = rows[first + 4 * (row + 1) + column / 2] >>> (16 * (column % 2)) & 0xFFFF;
            value = high << 16 | low;
          } else {
            value = rows[first + l];
          }
          w.words[results[matrix] + l] = value;
        }
      }
    };
  }

  private static void requireWholeWarp(Warp w, int lanes) {
    if (lanes != -1) {
      throw w.fault(Integer.numberOfTrailingZeros(lanes), "needs all 32 lanes of the warp");
    }
  }

  private static Operation product(Decoder d, Opcode op) {
    int inner = op.required("m16n8k16", "m16n8k8").equals("m16n8k16") ? 16 : 8;
    op.required("row");
    op.required("col");
    Type result = op.type();
    Type left = op.type();
    Type right = op.type();
    Type sum = op.type();
    if (!result.isFloat(32) || !sum.isFloat(32) || left.bits() != 16 || left.isInteger() || !left.equals(right)) {
      throw op.unknown();
    }
    d.requireOperands(4);
    boolean brain = left.kind() == 'h';
    int[] r = d.bases(0, 32);
    int[] a = d.bases(1, 32);
    int[] b = d.bases(2, 32);
    int[] c = d.bases(3, 32);
    if (r.length != 4 || c.length != 4 || a.length != inner / 4 || b.length != inner / 8) {
      throw op.unknown();
    }
    return (w, lanes) -> {
      requireWholeWarp(w, lanes);
      Scratch m = w.matrices();
      gather(w, m, a, b, c, inner, brain);
      multiply(m.a, m.b, m.c, inner);
      for (int l = 0; l < 32; l++) {
        int at = l / 4 * COLUMNS + 2 * (l % 4);
        w.words[r[0] + l] = Lanes.bits((float) m.c[at]);
        w.words[r[1] + l] = Lanes.bits((float) m.c[at + 1]);
        w.words[r[2] + l] = Lanes.bits((float) m.c[at + 8 * COLUMNS]);
        w.words[r[3] + l] = Lanes.bits((float) m.c[at + 8 * COLUMNS + 1]);
      }
    };
  }

  private static void gather(Warp w, Scratch m, int[] a, int[] b, int[] c, int inner, boolean brain) {
    int[] words = w.words;
    for (int l = 0; l < 32; l++) {
      int group = l / 4;
      int pair = 2 * (l % 4);
      for (int i = 0; i < a.length; i++) {
        int bits = words[a[i] + l];
        int at = (group + 8 * (i % 2)) * inner + pair + 8 * (i / 2);
        m.a[at] = Rounding.widen(bits, brain);
        m.a[at + 1] = Rounding.widen(bits >>> 16, brain);
      }
      for (int i = 0; i < b.length; i++) {
        int bits = words[b[i] + l];
        int at = (pair + 8 * i) * COLUMNS + group;
        m.b[at] = Rounding.widen(bits, brain);
        m.b[at + COLUMNS] = Rounding.widen(bits >>> 16, brain);
      }
      int at = group * COLUMNS + pair;
      m.c[at] = Lanes.f(words[c[0] + l]);
      m.c[at + 1] = Lanes.f(words[c[1] + l]);
      m.c[at + 8 * COLUMNS] = Lanes.f(words[c[2] + l]);
      m.c[at + 8 * COLUMNS + 1] = Lanes.f(words[c[3] + l]);
    }
  }

  private static void multiply(double[] a, double[] b, double[] c, int inner) {
    for (int row = 0; row < ROWS; row++) {
      int at = row * COLUMNS;
      double c0 = c[at];
      double c1 = c[at + 1];
      double c2 = c[at + 2];
      double c3 = c[at + 3];
      double c4 = c[at + 4];
      double c5 = c[at + 5];
      double c6 = c[at + 6];
      double c7 = c[at + 7];
      for (int k = 0; k < inner; k++) {
        double x = a[row * inner + k];
        int from = k * COLUMNS;
        c0 += x * b[from];
        c1 += x * b[from + 1];
        c2 += x * b[from + 2];
        c3 += x * b[from + 3];
        c4 += x * b[from + 4];
        c5 += x * b[from + 5];
        c6 += x * b[from + 6];
        c7 += x * b[from + 7];
      }
      c[at] = c0;
      c[at + 1] = c1;
      c[at + 2] = c2;
      c[at + 3] = c3;
      c[at + 4] = c4;
      c[at + 5] = c5;
      c[at + 6] = c6;
      c[at + 7] = c7;
    }
  }
}
