package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.util.List;

/** Refuses operands whose dtype or shape is not what {@link dev.cocktail.tensor.Ops} states for the reference. */
final class Expect {
  private Expect() {}

  /** Activation or parameter type, or one of the F32 quantities that are F64 in the reference. */
  static void value(String name, Tensor tensor, long... dims) {
    type(name, tensor, DType.F64);
    shape(name, tensor, dims);
  }

  /** A weight: any floating-point type. */
  static void weight(String name, Tensor tensor, long... dims) {
    floating(name, tensor);
    shape(name, tensor, dims);
  }

  static void ints(String name, Tensor tensor, long... dims) {
    type(name, tensor, DType.I32);
    shape(name, tensor, dims);
  }

  static void floating(String name, Tensor tensor) {
    require(tensor.dtype().isFloat(), name + " must have a floating-point type, it is " + tensor);
  }

  static void type(String name, Tensor tensor, DType expected) {
    require(tensor.dtype() == expected, name + " must be " + expected + ", it is " + tensor);
  }

  static void rank(String name, Tensor tensor, int rank) {
    require(tensor.shape().rank() == rank, name + " must have " + rank + " dimensions, it is " + tensor);
  }

  static void shape(String name, Tensor tensor, long... dims) {
    require(tensor.shape().equals(Shape.of(dims)), name + " must have shape " + Shape.of(dims) + ", it is " + tensor);
  }

  static void sameShape(String name, Tensor tensor, Tensor other) {
    shape(name, tensor, other.shape().dims());
  }

  static void index(String name, int value, int limit) {
    require(value >= 0 && value < limit, name + " must be in [0, " + limit + "), it is " + value);
  }

  /** Lists of equal length whose tensors have equal shapes. */
  static void sameShapes(String name, List<Tensor> tensors, List<Tensor> others) {
    require(
        tensors.size() == others.size(),
        name + " must be as many as the parameters: " + others.size() + ", they are " + tensors.size());
    for (int i = 0; i < tensors.size(); i++) {
      value(name + " " + i, tensors.get(i), others.get(i).shape().dims());
    }
  }

  static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }
}
