package dev.cocktail.tensor;

import static java.util.Objects.requireNonNull;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A contiguous, row-major block of elements in memory that an arena or a mapped file owns. A tensor is a handle:
 * copying it copies no data, and it must not be used once its owner is closed or has freed it.
 *
 * <p>Host tensors can be read and written through {@link #segment()} and the element accessors. A tensor on another
 * device has only an {@link #address()}; touching its elements from Java is refused.
 */
public final class Tensor {
  static final ValueLayout.OfShort LE_SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfInt LE_INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LE_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfFloat LE_FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfDouble LE_DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final DType dtype;
  private final Shape shape;
  private final long address;
  private final MemorySegment segment;

  private Tensor(DType dtype, Shape shape, long address, MemorySegment segment) {
    this.dtype = requireNonNull(dtype, "dtype");
    this.shape = requireNonNull(shape, "shape");
    this.address = address;
    this.segment = segment;
  }

  /** A tensor over host memory; the segment must hold exactly the bytes that dtype and shape ask for. */
  public static Tensor onHost(DType dtype, Shape shape, MemorySegment segment) {
    long expected = Math.multiplyExact(shape.elements(), dtype.bytes());
    if (segment.byteSize() != expected) {
      throw new IllegalArgumentException(
          dtype + "" + shape + " needs " + expected + " bytes, the segment has " + segment.byteSize());
    }
    return new Tensor(dtype, shape, segment.address(), segment);
  }

  /** A tensor over memory of another device, known by its address there. */
  public static Tensor onDevice(DType dtype, Shape shape, long address) {
    return new Tensor(dtype, shape, address, null);
  }

  /** A small host tensor whose memory the garbage collector owns; for inputs such as token ids, not for hot paths. */
  public static Tensor ofInts(int... values) {
    return onHost(DType.I32, Shape.of(values.length), heapCopy(MemorySegment.ofArray(values)));
  }

  /** A small host tensor of floats whose memory the garbage collector owns. */
  public static Tensor ofFloats(Shape shape, float... values) {
    return onHost(DType.F32, shape, heapCopy(MemorySegment.ofArray(values)));
  }

  /** A host tensor of zeros whose memory the garbage collector owns; for copying small results to. */
  public static Tensor zerosOnHost(DType dtype, Shape shape) {
    return onHost(dtype, shape, Arena.ofAuto().allocate(shape.elements() * dtype.bytes(), 64));
  }

  private static MemorySegment heapCopy(MemorySegment values) {
    MemorySegment copy = Arena.ofAuto().allocate(values.byteSize(), 64);
    return copy.copyFrom(values);
  }

  public DType dtype() {
    return dtype;
  }

  public Shape shape() {
    return shape;
  }

  /** Extent of one dimension; a negative index counts from the last. */
  public long dim(int index) {
    return shape.dim(index);
  }

  public long elements() {
    return shape.elements();
  }

  public long byteSize() {
    return shape.elements() * dtype.bytes();
  }

  /** Address of the first element in the memory of the tensor's device. */
  public long address() {
    return address;
  }

  /** Whether the elements lie in memory that Java can touch. */
  public boolean isOnHost() {
    return segment != null;
  }

  /** The bytes of a host tensor. */
  public MemorySegment segment() {
    if (segment == null) {
      throw new IllegalStateException(this + " does not lie in host memory; copy it with Device.copyToHost first");
    }
    return segment;
  }

  /** The same elements under another shape of as many elements. */
  public Tensor reshape(long... dims) {
    Shape other = Shape.of(dims);
    if (other.elements() != shape.elements()) {
      throw new IllegalArgumentException("cannot see " + this + " as " + other);
    }
    return new Tensor(dtype, other, address, segment);
  }

  /** Rows {@code [from, from + count)} of the first dimension, sharing memory. */
  public Tensor rows(long from, long count) {
    if (shape.rank() == 0 || from < 0 || count < 0 || from + count > shape.dim(0)) {
      throw new IndexOutOfBoundsException("rows " + from + "+" + count + " of " + this);
    }
    long[] dims = shape.dims();
    long rowBytes = dims[0] == 0 ? 0 : byteSize() / dims[0];
    dims[0] = count;
    MemorySegment part = segment == null ? null : segment.asSlice(from * rowBytes, count * rowBytes);
    return new Tensor(dtype, Shape.of(dims), address + from * rowBytes, part);
  }

  /** One element of a host tensor as a double; I64 beyond 2^53 loses precision, BOOL is 0 or 1. */
  public double get(long index) {
    MemorySegment s = segment();
    return switch (dtype) {
      case F32 -> s.get(LE_FLOAT, index * 4);
      case F64 -> s.get(LE_DOUBLE, index * 8);
      case BF16 -> DType.bf16ToFloat(s.get(LE_SHORT, index * 2));
      case F16 -> DType.f16ToFloat(s.get(LE_SHORT, index * 2));
      case I8, BOOL -> s.get(ValueLayout.JAVA_BYTE, index);
      case U8 -> s.get(ValueLayout.JAVA_BYTE, index) & 0xFF;
      case I16 -> s.get(LE_SHORT, index * 2);
      case I32 -> s.get(LE_INT, index * 4);
      case I64 -> s.get(LE_LONG, index * 8);
    };
  }

  /** One element of a host I32 tensor. */
  public int getInt(long index) {
    if (dtype != DType.I32) {
      throw new IllegalStateException("expected I32, this is " + this);
    }
    return segment().get(LE_INT, index * 4);
  }

  /**
   * Writes one element of a host tensor, rounding floating-point values to nearest even; integers are cut as a Java
   * cast cuts them.
   */
  public void set(long index, double value) {
    MemorySegment s = segment();
    switch (dtype) {
      case F32 -> s.set(LE_FLOAT, index * 4, (float) value);
      case F64 -> s.set(LE_DOUBLE, index * 8, value);
      case BF16 -> s.set(LE_SHORT, index * 2, DType.floatToBf16(roundToOdd(value)));
      case F16 -> s.set(LE_SHORT, index * 2, DType.floatToF16(roundToOdd(value)));
      case I8, U8 -> s.set(ValueLayout.JAVA_BYTE, index, (byte) (int) value);
      case BOOL -> s.set(ValueLayout.JAVA_BYTE, index, (byte) (value != 0 ? 1 : 0));
      case I16 -> s.set(LE_SHORT, index * 2, (short) (int) value);
      case I32 -> s.set(LE_INT, index * 4, (int) value);
      case I64 -> s.set(LE_LONG, index * 8, (long) value);
    }
  }

  /** Rounds to float so that a second rounding to fewer bits gives what a single rounding would have given. */
  private static float roundToOdd(double value) {
    float nearest = (float) value;
    if (nearest == value || Float.isNaN(nearest) || Float.isInfinite(nearest)) {
      return nearest;
    }
    int bits = Float.floatToRawIntBits(nearest);
    if ((bits & 1) == 1) {
      return nearest;
    }
    // The nearest float is even and inexact: step to its odd neighbour on the side of the true value.
    boolean awayFromZero = Math.abs(value) > Math.abs((double) nearest);
    return Float.intBitsToFloat(awayFromZero ? bits + 1 : bits - 1);
  }

  /** The elements of a host tensor as floats, rounded where the type is wider. */
  public float[] toFloats() {
    float[] values = new float[Math.toIntExact(elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) get(i);
    }
    return values;
  }

  @Override
  public String toString() {
    return dtype + shape.toString();
  }
}
