package dev.cocktail.tensor;

import java.util.Arrays;

/**
 * The extents of a tensor, outermost first; elements are stored row-major, so the last dimension is contiguous. A shape
 * without dimensions is a scalar of one element; a dimension of zero makes an empty tensor.
 */
public final class Shape {
  private final long[] dims;
  private final long elements;

  private Shape(long[] dims) {
    long product = 1;
    for (long dim : dims) {
      if (dim < 0) {
        throw new IllegalArgumentException("a dimension is negative: " + Arrays.toString(dims));
      }
      try {
        product = Math.multiplyExact(product, dim);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException("the number of elements overflows: " + Arrays.toString(dims), e);
      }
    }
    this.dims = dims;
    this.elements = product;
  }

  /** A shape of the given extents. */
  public static Shape of(long... dims) {
    return new Shape(dims.clone());
  }

  /** Number of dimensions. */
  public int rank() {
    return dims.length;
  }

  /** Extent of one dimension; a negative index counts from the last dimension. */
  public long dim(int index) {
    return dims[index < 0 ? dims.length + index : index];
  }

  /** Product of all extents. */
  public long elements() {
    return elements;
  }

  /** Extents, outermost first (a copy). */
  public long[] dims() {
    return dims.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
