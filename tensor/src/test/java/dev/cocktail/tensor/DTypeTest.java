package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Conversions of 16-bit numbers, over all of them. */
class DTypeTest {
  private static float widen(DType dtype, int bits) {
    return dtype == DType.BF16 ? DType.bf16ToFloat((short) bits) : DType.f16ToFloat((short) bits);
  }

  private static short narrow(DType dtype, float value) {
    return dtype == DType.BF16 ? DType.floatToBf16(value) : DType.floatToF16(value);
  }

  private static int infinity(DType dtype) {
    return dtype == DType.BF16 ? 0x7F80 : 0x7C00;
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void allPatternsSurviveARoundTrip(DType dtype) {
    Tensor tensor = tensor(dtype);
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = widen(dtype, bits);
      boolean isNaN = (bits & 0x7FFF) > infinity(dtype);
      assertThat(Float.isNaN(value)).isEqualTo(isNaN);
      tensor.set(0, value);
      if (isNaN) {
        assertThat(narrow(dtype, value) & 0x7FFF).as("%04x stays not a number", bits).isGreaterThan(infinity(dtype));
        assertThat(tensor.get(0)).isNaN();
      } else {
        assertThat(narrow(dtype, value)).as("%04x", bits).isEqualTo((short) bits);
        assertThat(tensor.segment().get(Tensor.LE_SHORT, 0)).as("%04x", bits).isEqualTo((short) bits);
        assertThat(Double.compare(tensor.get(0), value)).as("%04x", bits).isZero();
      }
    }
  }

  /**
   * Between every two neighbours, the last of which is the number that infinity stands for: the middle goes to the even
   * one, and what is beside the middle by a float's or a double's smallest step to the nearer one. Such doubles are
   * where rounding by way of a float goes wrong.
   */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void roundsOnceToNearestEven(DType dtype) {
    Tensor tensor = tensor(dtype);
    for (int sign = 0; sign <= 0x8000; sign += 0x8000) {
      for (int bits = 0; bits < infinity(dtype); bits++) {
        double low = widen(dtype, bits);
        double high = bits + 1 == infinity(dtype) ? 2 * low - widen(dtype, bits - 1) : widen(dtype, bits + 1);
        double middle = (low + high) / 2;
        double factor = sign == 0 ? 1 : -1;
        int even = (bits & 1) == 0 ? bits : bits + 1;
        check(tensor, factor * middle, sign | even);
        check(tensor, factor * Math.nextDown(middle), sign | bits);
        check(tensor, factor * Math.nextUp(middle), sign | (bits + 1));
        float exact = (float) middle;
        if (exact == middle) {
          assertThat(narrow(dtype, (float) (factor * exact))).isEqualTo((short) (sign | even));
          assertThat(narrow(dtype, (float) (factor * Math.nextDown(exact)))).isEqualTo((short) (sign | bits));
          assertThat(narrow(dtype, (float) (factor * Math.nextUp(exact)))).isEqualTo((short) (sign | (bits + 1)));
        }
      }
    }
  }

  private static void check(Tensor tensor, double value, int bits) {
    tensor.set(0, value);
    assertThat(tensor.segment().get(Tensor.LE_SHORT, 0)).as("%s as %s", value, tensor.dtype()).isEqualTo((short) bits);
  }

  @ParameterizedTest
  @EnumSource(names = {"BF16", "F16"})
  void extremesOfDoubles(DType dtype) {
    Tensor tensor = tensor(dtype);
    check(tensor, Double.MAX_VALUE, infinity(dtype));
    check(tensor, -Double.MAX_VALUE, infinity(dtype) | 0x8000);
    check(tensor, Float.MAX_VALUE, infinity(dtype));
    check(tensor, Double.MIN_VALUE, 0);
    check(tensor, -Double.MIN_VALUE, 0x8000);
    check(tensor, -0.0, 0x8000);
    check(tensor, Double.NEGATIVE_INFINITY, infinity(dtype) | 0x8000);
  }

  @Test
  void integersAreCutAsCastsCutThem() {
    Tensor tensor = tensor(DType.U8);
    tensor.set(0, 200.9);
    assertThat(tensor.get(0)).isEqualTo(200);
    Tensor signed = tensor(DType.I8);
    signed.set(0, 200.9);
    assertThat(signed.get(0)).isEqualTo(-56);
    Tensor truth = tensor(DType.BOOL);
    truth.set(0, -0.5);
    assertThat(truth.get(0)).isEqualTo(1);
    Tensor wide = tensor(DType.I64);
    wide.set(0, -0x1p53);
    assertThat(wide.get(0)).isEqualTo(-0x1p53);
    Tensor narrow = tensor(DType.I16);
    narrow.set(0, -32768);
    assertThat(narrow.get(0)).isEqualTo(-32768);
  }

  private static Tensor tensor(DType dtype) {
    return Tensor.onHost(dtype, Shape.of(1), MemorySegment.ofArray(new byte[dtype.bytes()]));
  }
}
