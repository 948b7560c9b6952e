package dev.cocktail.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class OperationsReportTest {
  @Test
  void measuresEveryOperationOnADevice() {
    List<OperationTime> times = new ArrayList<>();
    try (Device device = new CpuDevice()) {
      new OperationsReport(device, ModelPreset.SMALL.config(), 6, 3, 1, "").run(times::add);
    }
    assertThat(times).extracting(OperationTime::operation).doesNotHaveDuplicates();
    assertThat(times)
        .extracting(OperationTime::operation)
        .contains("copy", "rmsNorm", "swigluBackward", "attentionBackward", "qkv, dA", "gradientNorm", "adamW");
    assertThat(times)
        .allSatisfy(time -> {
          assertThat(time.seconds()).isPositive();
          assertThat(time.shareOfFloor()).isPositive().isFinite();
          assertThat(time.toMap()).containsKey(time.arithmetic() == 0 ? "gb_per_s" : "tflop_per_s");
        });
  }

  @Test
  void measuresOnlyWhatIsAskedFor() {
    List<OperationTime> times = new ArrayList<>();
    try (Device device = new CpuDevice()) {
      new OperationsReport(device, ModelPreset.SMALL.config(), 2, 2, 1, "rope").run(times::add);
      var none = new OperationsReport(device, ModelPreset.SMALL.config(), 2, 2, 1, "no such name");
      none.run(time -> {});
      assertThat(none.operations()).isZero();
    }
    assertThat(times).extracting(OperationTime::operation).containsExactly("copy", "matrix product 1024", "rope");
  }
}
