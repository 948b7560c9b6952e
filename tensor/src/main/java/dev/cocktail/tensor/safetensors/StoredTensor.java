package dev.cocktail.tensor.safetensors;

import static java.util.Objects.requireNonNull;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.util.function.Supplier;

/**
 * A tensor to be written, made when its turn comes, so that a model larger than memory can be written tensor by tensor.
 *
 * @param name key in the file
 * @param dtype element type
 * @param shape extents
 * @param contents makes the host tensor; called once, and what it returned is no longer used when the next is made
 */
public record StoredTensor(String name, DType dtype, Shape shape, Supplier<Tensor> contents) {
  public StoredTensor {
    requireNonNull(name, "name");
    requireNonNull(dtype, "dtype");
    requireNonNull(shape, "shape");
    requireNonNull(contents, "contents");
    if (name.equals(Header.METADATA)) {
      throw new IllegalArgumentException("a tensor cannot be named " + Header.METADATA);
    }
  }

  /** A tensor that exists already. */
  public static StoredTensor of(String name, Tensor tensor) {
    return new StoredTensor(name, tensor.dtype(), tensor.shape(), () -> tensor);
  }

  /** Size in bytes. */
  public long byteSize() {
    return Math.multiplyExact(shape.elements(), dtype.bytes());
  }
}
