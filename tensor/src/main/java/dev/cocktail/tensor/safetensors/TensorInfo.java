package dev.cocktail.tensor.safetensors;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What a file says of one tensor, also of element types that this engine cannot compute with.
 *
 * @param name the tensor's name
 * @param dtype the element type's name in the format, such as {@code BF16}
 * @param shape extents, outermost first; empty for a scalar
 * @param elements product of the extents
 * @param bytes size of the data
 */
public record TensorInfo(String name, String dtype, List<Long> shape, long elements, long bytes) {
  public TensorInfo {
    requireNonNull(name, "name");
    requireNonNull(dtype, "dtype");
    shape = List.copyOf(shape);
  }
}
