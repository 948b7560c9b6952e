package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The way of finished sums into C: {@code C = alpha sum + beta C}, never reading C when beta is zero. */
final class WriteBack {
  private static final VectorSpecies<Float> S = Lanes.FLOATS;
  private static final int LANES = S.length();
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private WriteBack() {}

  /** Adds a tile of {@link MicroKernel} at (row, column) of C, leaving out what lies beyond C's edges. */
  static void tile(Matrix c, int row, int column, float alpha, float[] tile, float beta) {
    int rows = Math.min(MicroKernel.ROWS, c.rows() - row);
    int columns = Math.min(MicroKernel.COLUMNS, c.columns() - column);
    if (c.columnStride() != 1) {
      for (int j = 0; j < columns; j++) {
        for (int i = 0; i < rows; i++) {
          element(c.addressOf(row + i, column + j), alpha, tile[i * MicroKernel.COLUMNS + j], beta);
        }
      }
      return;
    }
    for (int i = 0; i < rows; i++) {
      row(c.addressOf(row + i, column), columns, alpha, tile, i * MicroKernel.COLUMNS, beta);
    }
  }

  private static void row(long to, int columns, float alpha, float[] sums, int start, float beta) {
    int j = 0;
    if (beta == 0) {
      for (; j <= columns - LANES; j += LANES) {
        FloatVector.fromArray(S, sums, start + j).mul(alpha).intoMemorySegment(MEMORY, to + 4L * j, ORDER);
      }
    } else {
      FloatVector factor = FloatVector.broadcast(S, alpha);
      for (; j <= columns - LANES; j += LANES) {
        FloatVector old = FloatVector.fromMemorySegment(S, MEMORY, to + 4L * j, ORDER).mul(beta);
        FloatVector.fromArray(S, sums, start + j).fma(factor, old).intoMemorySegment(MEMORY, to + 4L * j, ORDER);
      }
    }
    for (; j < columns; j++) {
      element(to + 4L * j, alpha, sums[start + j], beta);
    }
  }

  /** One element; rounds exactly as the vectors do. */
  static void element(long to, float alpha, float sum, float beta) {
    float value = beta == 0 ? alpha * sum : Math.fma(sum, alpha, beta * MEMORY.get(FLOAT, to));
    MEMORY.set(FLOAT, to, value);
  }

  /** {@code C = beta C}, or zeros when beta is zero. */
  static void scale(Matrix c, float beta) {
    for (int i = 0; i < c.rows(); i++) {
      for (int j = 0; j < c.columns(); j++) {
        long at = c.addressOf(i, j);
        MEMORY.set(FLOAT, at, beta == 0 ? 0 : beta * MEMORY.get(FLOAT, at));
      }
    }
  }
}
