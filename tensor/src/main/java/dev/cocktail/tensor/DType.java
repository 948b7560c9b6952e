package dev.cocktail.tensor;

/**
 * The element types a {@link Tensor} may have. The names are those of the safetensors format.
 *
 * <p>All multi-byte elements are little-endian. Narrowing conversions round to nearest, ties to even.
 */
public enum DType {
  F32(4),
  F64(8),
  BF16(2),
  F16(2),
  I8(1),
  U8(1),
  I16(2),
  I32(4),
  I64(8),
  BOOL(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether elements are floating-point numbers. */
  public boolean isFloat() {
    return this == F32 || this == F64 || this == BF16 || this == F16;
  }

  /** Widens the bits of a bfloat16 to the float of the same value (exact). */
  public static float bf16ToFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds a float to bfloat16, nearest even; NaN stays NaN (quiet), overflow becomes infinity. */
  public static short floatToBf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x0040);
    }
    return (short) ((bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16);
  }

  /** Widens the bits of an IEEE half to the float of the same value (exact). */
  public static float f16ToFloat(short bits) {
    return Float.float16ToFloat(bits);
  }

  /** Rounds a float to an IEEE half, nearest even. */
  public static short floatToF16(float value) {
    return Float.floatToFloat16(value);
  }
}
