package dev.cocktail.tensor.cpu;

import static dev.cocktail.tensor.cpu.Lanes.MEMORY;
import static dev.cocktail.tensor.cpu.Lanes.ORDER;

import dev.cocktail.tensor.DType;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Brings parts of A and B into the order in which {@link MicroKernel} reads them, as floats: a panel of A holds, for
 * each k, the elements of one tile's rows; a panel of B holds, for each k, the elements of one tile's columns. Rows and
 * columns beyond the matrix are zeros.
 */
final class Packing {
  private static final int ROWS = MicroKernel.ROWS;
  private static final int COLUMNS = MicroKernel.COLUMNS;
  private static final int LANES = Lanes.COUNT;
  private static final VectorSpecies<Float> ROWS_OF_TILE =
      Lanes.FLOATS.withShape(VectorShape.forBitSize(Float.SIZE * Math.min(ROWS, LANES)));
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private Packing() {}

  /** Packs rows [row, row + ROWS) and k in [k0, k0 + depth) of A. */
  static void panelOfA(Matrix a, int row, int k0, int depth, float[] to, int start, GemmBuffers buffers) {
    int rows = Math.min(ROWS, a.rows() - row);
    if (rows < ROWS) {
      Arrays.fill(to, start, start + depth * ROWS, 0f);
    }
    if (a.rowStride() == 1 && a.columnStride() != 1) {
      copyRowsOfTransposedA(a, row, rows, k0, depth, to, start, buffers);
      return;
    }
    long staging = buffers.staging();
    long from = a.addressOf(row, k0);
    long stride = 4 * a.rowStride();
    if (a.type() != DType.F32 || a.columnStride() != 1) {
      for (int i = 0; i < rows; i++) {
        gatherFloats(a.addressOf(row + i, k0), a.type(), a.columnStride(), depth, staging + 4L * i * depth);
      }
      from = staging;
      stride = 4L * depth;
    }
    int k = 0;
    if (rows == ROWS) {
      for (; k <= depth - LANES; k += LANES) {
        Interleaving.tileRows(from + 4L * k, stride, to, start + k * ROWS, buffers.scratch());
      }
    }
    for (int i = 0; i < rows; i++) {
      for (int l = k; l < depth; l++) {
        to[start + l * ROWS + i] = MEMORY.get(FLOAT, from + i * stride + 4L * l);
      }
    }
  }

  private static void copyRowsOfTransposedA(
      Matrix a, int row, int rows, int k0, int depth, float[] to, int start, GemmBuffers buffers) {
    if (rows == ROWS && a.type() == DType.F32) {
      copyWholeRows(a.addressOf(row, k0), 4 * a.columnStride(), depth, to, start);
      return;
    }
    long staging = buffers.staging();
    for (int k = 0; k < depth; k++) {
      long from = a.addressOf(row, k0 + k);
      if (a.type() != DType.F32) {
        Widening.widen(a.type(), from, rows, staging);
        from = staging;
      }
      for (int i = 0; i < rows; i++) {
        to[start + k * ROWS + i] = MEMORY.get(FLOAT, from + 4L * i);
      }
    }
  }

  private static void copyWholeRows(long from, long stride, int depth, float[] to, int start) {
    for (int k = 0; k < depth; k++) {
      for (int i = 0; i < ROWS; i += ROWS_OF_TILE.length()) {
        FloatVector.fromMemorySegment(ROWS_OF_TILE, MEMORY, from + k * stride + 4L * i, ORDER)
            .intoArray(to, start + k * ROWS + i);
      }
    }
  }

  /** Packs so many panels of B from a column on, and k in [k0, k0 + depth), one panel after another. */
  static void panelsOfB(Matrix b, int column, int panels, int k0, int depth, long to, GemmBuffers buffers) {
    long panelBytes = 4L * depth * COLUMNS;
    int columns = Math.min(panels * COLUMNS, b.columns() - column);
    if (columns < panels * COLUMNS) {
      MEMORY.asSlice(to + (panels - 1) * panelBytes, panelBytes).fill((byte) 0);
    }
    if (b.columnStride() == 1) {
      for (int j = 0; j < columns; j += COLUMNS) {
        long target = to + j / COLUMNS * panelBytes;
        if (j + COLUMNS <= columns) {
          long stride = b.type().bytes() * b.rowStride();
          Widening.vectors(b.type(), b.addressOf(k0, column + j), stride, depth, COLUMNS, target, 4L * COLUMNS);
        } else {
          for (int k = 0; k < depth; k++) {
            Widening.widen(b.type(), b.addressOf(k0 + k, column + j), columns - j, target + 4L * k * COLUMNS);
          }
        }
      }
      return;
    }
    for (int j = 0; j < columns; j += LANES) {
      long target = to + j / COLUMNS * panelBytes + 4L * (j % COLUMNS);
      transposedColumns(b, column + j, Math.min(LANES, columns - j), k0, depth, target, buffers);
    }
  }

  /** Packs up to a vector of columns that are rows in memory. */
  private static void transposedColumns(
      Matrix b, int column, int columns, int k0, int depth, long to, GemmBuffers buffers) {
    long from = b.addressOf(k0, column);
    long stride = 4 * b.columnStride();
    if (b.type() != DType.F32 || b.rowStride() != 1) {
      long staging = buffers.staging();
      for (int j = 0; j < columns; j++) {
        gatherFloats(b.addressOf(k0, column + j), b.type(), b.rowStride(), depth, staging + 4L * j * depth);
      }
      from = staging;
      stride = 4L * depth;
    }
    int k = 0;
    if (columns == LANES) {
      k = depth / LANES * LANES;
      Interleaving.transposeRows(from, stride, k, to, 4L * COLUMNS, buffers.scratch());
    }
    for (int j = 0; j < columns; j++) {
      for (int l = k; l < depth; l++) {
        MEMORY.set(FLOAT, to + 4L * (l * COLUMNS + j), MEMORY.get(FLOAT, from + j * stride + 4L * l));
      }
    }
  }

  /** Writes elements that lie {@code stride} apart as contiguous floats. */
  static void gatherFloats(long from, DType type, long stride, int count, long to) {
    if (stride == 1) {
      Widening.widen(type, from, count, to);
      return;
    }
    for (int i = 0; i < count; i++) {
      MEMORY.set(FLOAT, to + 4L * i, Widening.load(type, from + i * stride * type.bytes()));
    }
  }
}
