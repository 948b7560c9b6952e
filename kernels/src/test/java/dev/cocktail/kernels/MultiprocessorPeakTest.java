package dev.cocktail.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.tensor.DType;
import org.junit.jupiter.api.Test;

/** Beside the data sheets: A100, 108 multiprocessors at 1.41 GHz; H100 SXM, 132 at 1.83 GHz for its 989 TFLOP/s. */
class MultiprocessorPeakTest {
  @Test
  void givesTheDataSheetsFigures() {
    assertThat(tera(80, DType.BF16, 108, 1.41e9)).isCloseTo(312, within(1.0));
    assertThat(tera(80, DType.F32, 108, 1.41e9)).isCloseTo(19.5, within(0.1));
    assertThat(tera(90, DType.BF16, 132, 1.83e9)).isCloseTo(989, within(1.0));
    assertThat(tera(90, DType.F32, 132, 1.98e9)).isCloseTo(66.9, within(0.1));
  }

  @Test
  void isSilentWhereCardsOfOneCapabilityDiffer() {
    assertThat(MultiprocessorPeak.operationsPerClock(89, DType.BF16)).isEmpty();
    assertThat(MultiprocessorPeak.operationsPerClock(999, DType.F32)).isEmpty();
  }

  private static double tera(int capability, DType type, int multiprocessors, double hertz) {
    return multiprocessors * hertz * MultiprocessorPeak.operationsPerClock(capability, type).orElseThrow() / 1e12;
  }
}
