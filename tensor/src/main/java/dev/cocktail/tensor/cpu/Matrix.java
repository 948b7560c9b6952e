package dev.cocktail.tensor.cpu;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Tensor;

/**
 * A rectangle of elements somewhere in memory, as matrix products see it: element (i, j) lies {@code i * rowStride + j
 * * columnStride} elements after the first. It owns nothing; whoever makes one vouches for the memory.
 *
 * @param address of element (0, 0)
 * @param type F32, BF16 or F16
 * @param rows number of rows, at least 0
 * @param columns number of columns, at least 0
 * @param rowStride elements from one row to the next
 * @param columnStride elements from one column to the next
 */
record Matrix(long address, DType type, int rows, int columns, long rowStride, long columnStride) {
  Matrix {
    requireNonNull(type, "type");
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("a matrix of " + rows + " x " + columns);
    }
    if (type != DType.F32 && type != DType.BF16 && type != DType.F16) {
      throw new IllegalArgumentException("a matrix must be F32, BF16 or F16, not " + type);
    }
  }

  /** A whole tensor [rows, columns]. */
  static Matrix of(Tensor tensor) {
    if (tensor.shape().rank() != 2) {
      throw new IllegalArgumentException("expected a matrix of two dimensions, this is " + tensor);
    }
    Lanes.requireAddressable(tensor);
    return rowMajor(tensor.address(), tensor.dtype(), Math.toIntExact(tensor.dim(0)), Math.toIntExact(tensor.dim(1)));
  }

  /** A contiguous row-major matrix. */
  static Matrix rowMajor(long address, DType type, int rows, int columns) {
    return new Matrix(address, type, rows, columns, columns, 1);
  }

  /** The same memory with rows and columns exchanged. */
  Matrix transposed() {
    return new Matrix(address, type, columns, rows, columnStride, rowStride);
  }

  /** The same memory, transposed or not. */
  Matrix transposed(boolean transpose) {
    return transpose ? transposed() : this;
  }

  /** The rectangle of {@code rowCount} x {@code columnCount} elements that begins at element (row, column). */
  Matrix part(int row, int rowCount, int column, int columnCount) {
    if (row < 0 || column < 0 || row + rowCount > rows || column + columnCount > columns) {
      throw new IndexOutOfBoundsException(
          "rows " + row + "+" + rowCount + ", columns " + column + "+" + columnCount + " of " + this);
    }
    return new Matrix(addressOf(row, column), type, rowCount, columnCount, rowStride, columnStride);
  }

  /** Where element (row, column) lies. */
  long addressOf(int row, int column) {
    return address + (row * rowStride + column * columnStride) * type.bytes();
  }

  @Override
  public String toString() {
    return type + "[" + rows + ", " + columns + "]";
  }
}
