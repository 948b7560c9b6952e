package dev.cocktail.kernels.driver;

import dev.cocktail.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The arguments of a launch in the order of the kernel's parameters, packed as the driver wants them: little-endian,
 * each aligned to its own size. The builder's methods are named after the parameters' C types.
 */
public final class KernelArguments {
  private ByteBuffer bytes = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
  private int[] offsets = new int[16];
  private int count;

  /** The address of a tensor's first element, or the null pointer for a missing tensor. */
  public KernelArguments pointer(Tensor tensor) {
    return pointer(tensor == null ? 0 : tensor.address());
  }

  /** A 64-bit address on the GPU. */
  public KernelArguments pointer(long address) {
    next(8).putLong(address);
    return this;
  }

  /** A parameter of type {@code int} or {@code unsigned}. */
  public KernelArguments int32(int value) {
    next(4).putInt(value);
    return this;
  }

  /** A parameter of type {@code long long} or {@code unsigned long long}. */
  public KernelArguments int64(long value) {
    next(8).putLong(value);
    return this;
  }

  /** A parameter of type {@code float}. */
  public KernelArguments float32(double value) {
    next(4).putFloat((float) value);
    return this;
  }

  /** A parameter of type {@code double}. */
  public KernelArguments float64(double value) {
    next(8).putDouble(value);
    return this;
  }

  private ByteBuffer next(int size) {
    int offset = (bytes.position() + size - 1) & -size;
    if (offset + size > bytes.capacity()) {
      ByteBuffer larger = ByteBuffer.allocate(2 * bytes.capacity()).order(ByteOrder.LITTLE_ENDIAN);
      larger.put(bytes.flip());
      bytes = larger;
    }
    if (count == offsets.length) {
      offsets = java.util.Arrays.copyOf(offsets, 2 * count);
    }
    offsets[count++] = offset;
    return bytes.position(offset);
  }

  /** Number of parameters. */
  public int count() {
    return count;
  }

  /** Where a parameter's bytes begin. */
  public int offset(int parameter) {
    return offsets[java.util.Objects.checkIndex(parameter, count)];
  }

  /** All parameters' bytes, gaps between them included. */
  public byte[] toBytes() {
    return java.util.Arrays.copyOf(bytes.array(), bytes.position());
  }
}
