package dev.cocktail.kernels.emulator;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers in byte arrays, at any offset. */
final class Bytes {
  private static final VarHandle SHORTS = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Bytes() {}

  /** The number of 1, 2, 4 or 8 bytes, zeros above. */
  static long get(byte[] array, int offset, int bytes) {
    return switch (bytes) {
      case 4 -> (int) INTS.get(array, offset) & 0xFFFF_FFFFL;
      case 8 -> (long) LONGS.get(array, offset);
      case 2 -> (short) SHORTS.get(array, offset) & 0xFFFFL;
      default -> array[offset] & 0xFFL;
    };
  }

  static void put(byte[] array, int offset, int bytes, long value) {
    switch (bytes) {
      case 4 -> INTS.set(array, offset, (int) value);
      case 8 -> LONGS.set(array, offset, value);
      case 2 -> SHORTS.set(array, offset, (short) value);
      default -> array[offset] = (byte) value;
    }
  }

  /** The same byte in each of 1, 2, 4 or 8 bytes. */
  static long repeat(int value, int bytes) {
    long all = value * 0x0101_0101_0101_0101L;
    return bytes == 8 ? all : all & ((1L << (8 * bytes)) - 1);
  }
}
