package dev.cocktail.lora;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Shape;
import dev.cocktail.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Host tensors of floating-point numbers, read and converted many elements at a time. */
final class HostRows {
  private static final ValueLayout.OfShort LE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat LE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble LE_DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private HostRows() {}

  /** A host tensor with undefined contents. */
  static Tensor allocate(Arena arena, DType dtype, Shape shape) {
    return Tensor.onHost(dtype, shape, arena.allocate(shape.elements() * dtype.bytes(), 64));
  }

  /** The tensor itself where it has the type, otherwise a copy, rounded to nearest even. */
  static Tensor convert(Arena arena, Tensor tensor, DType dtype) {
    if (tensor.dtype() == dtype) {
      return tensor;
    }
    Tensor copy = allocate(arena, dtype, tensor.shape());
    for (long i = 0; i < tensor.elements(); i++) {
      copy.set(i, tensor.get(i));
    }
    return copy;
  }

  /** Reads {@code into.length} elements from the given one on; exact for every type. */
  static void read(Tensor tensor, long from, double[] into) {
    MemorySegment s = tensor.segment();
    switch (tensor.dtype()) {
      case F32 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = s.get(LE_FLOAT, (from + i) * 4);
        }
      }
      case F64 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = s.get(LE_DOUBLE, (from + i) * 8);
        }
      }
      case BF16 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = DType.bf16ToFloat(s.get(LE_SHORT, (from + i) * 2));
        }
      }
      case F16 -> {
        for (int i = 0; i < into.length; i++) {
          into[i] = DType.f16ToFloat(s.get(LE_SHORT, (from + i) * 2));
        }
      }
      default -> throw new IllegalArgumentException("expected floating-point numbers, this is " + tensor);
    }
  }

  /** Writes all of {@code values} from the given element on, rounded to nearest even. */
  static void write(Tensor tensor, long from, double[] values) {
    for (int i = 0; i < values.length; i++) {
      tensor.set(from + i, values[i]);
    }
  }

  /** Row {@code r} of a matrix as {@code [r]}. */
  static double[][] rows(Tensor matrix) {
    double[][] rows = new double[Math.toIntExact(matrix.dim(0))][Math.toIntExact(matrix.dim(1))];
    for (int r = 0; r < rows.length; r++) {
      read(matrix, (long) r * rows[r].length, rows[r]);
    }
    return rows;
  }
}
