package dev.cocktail.tensor.testing;

import dev.cocktail.tensor.Tensor;
import java.util.List;

/**
 * One argument of an operation, on every device of a {@link Trial}: the same values everywhere.
 *
 * @param tensors one a device, the reference's last
 * @param guards what is before and behind the tensor of the first device in its block, which no operation may write to
 * @param written whether it starts without meaningful contents
 */
record Operand(List<Tensor> tensors, List<Tensor> guards, boolean written) {
  Tensor reference() {
    return tensors.getLast();
  }

  /** The reference's elements. */
  double[] values() {
    return Values.read(reference());
  }
}
