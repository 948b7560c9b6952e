package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;

import dev.cocktail.tensor.DType;
import java.lang.foreign.ValueLayout;

/**
 * Brings parts of A and B into the order in which {@link MicroKernel} reads them, as floats: a panel of A holds, for each
 * k, the elements of one tile's rows; a panel of B holds, for each k, the elements of one tile's columns. Rows and columns
 * beyond the matrix are zeros.
 */
final class Packing {
  private static final int ROWS = MicroKernel.ROWS;
  private static final int COLUMNS = MicroKernel.COLUMNS;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Packing() {}

  /** Packs rows [row, row + ROWS) and k in [k0, k0 + depth) of A. */
  static void panelOfA(Matrix a, int row, int k0, int depth, float[] to, int start, GemmBuffers buffers) {
    int rows = Math.min(ROWS, a.rows() - row);
    if (rows < ROWS) {
      java.util.Arrays.fill(to, start, start + depth * ROWS, 0f);
    }
    if (a.rowStride() == 1 && a.columnStride() != 1) {
      long line = buffers.staging(ROWS);
      for (int k = 0; k < depth; k++) {
        long from = a.addressOf(row, k0 + k);
        if (a.type() != DType.F32) {
          Widening.widen(a.type(), from, rows, line);
          from = line;
        }
        for (int i = 0; i < rows; i++) {
          to[start + k * ROWS + i] = MEMORY.get(FLOAT, from + 4L * i);
        }
      }
      return;
    }
    for (int i = 0; i < rows; i++) {
      long from = floatsAlongK(a.addressOf(row + i, k0), a.type(), a.columnStride(), depth, buffers);
      for (int k = 0, at = start + i; k < depth; k++, at += ROWS) {
        to[at] = MEMORY.get(FLOAT, from + 4L * k);
      }
    }
  }

  /** Packs columns [column, column + COLUMNS) and k in [k0, k0 + depth) of B. */
  static void panelOfB(Matrix b, int column, int k0, int depth, long to, GemmBuffers buffers) {
    int columns = Math.min(COLUMNS, b.columns() - column);
    if (columns < COLUMNS) {
      MEMORY.asSlice(to, 4L * depth * COLUMNS).fill((byte) 0);
    }
    if (b.columnStride() == 1) {
      for (int k = 0; k < depth; k++) {
        Widening.widen(b.type(), b.addressOf(k0 + k, column), columns, to + 4L * k * COLUMNS);
      }
      return;
    }
    for (int j = 0; j < columns; j++) {
      long from = floatsAlongK(b.addressOf(k0, column + j), b.type(), b.rowStride(), depth, buffers);
      long at = to + 4L * j;
      for (int k = 0; k < depth; k++) {
        MEMORY.set(FLOAT, at + 4L * COLUMNS * k, MEMORY.get(FLOAT, from + 4L * k));
      }
    }
  }

  /** Where {@code depth} elements lie as contiguous floats: in place, or in the staging buffer. */
  private static long floatsAlongK(long from, DType type, long stride, int depth, GemmBuffers buffers) {
    if (type == DType.F32 && stride == 1) {
      return from;
    }
    long staging = buffers.staging(depth);
    if (stride == 1) {
      Widening.widen(type, from, depth, staging);
      return staging;
    }
    for (int k = 0; k < depth; k++) {
      MEMORY.set(FLOAT, staging + 4L * k, Widening.load(type, from + k * stride * type.bytes()));
    }
    return staging;
  }
}
