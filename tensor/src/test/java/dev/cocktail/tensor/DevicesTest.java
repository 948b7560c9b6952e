package dev.cocktail.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.cpu.CpuDeviceProvider;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DevicesTest {
  /** An accelerator that is there but cannot be opened. */
  private record Taken() implements DeviceProvider {
    @Override
    public String kind() {
      return "taken";
    }

    @Override
    public int priority() {
      return 1000;
    }

    @Override
    public List<String> available() {
      return List.of("taken:0");
    }

    @Override
    public String unavailableReason() {
      return "";
    }

    @Override
    public Device open(int ordinal, Precision precision) {
      throw new InvalidInputException("taken:" + ordinal + " is another's");
    }
  }

  private static final List<DeviceProvider> PROVIDERS = List.of(new Taken(), new CpuDeviceProvider());

  /** Several processors, of which the first ones are another's. */
  private record Several(int count, int taken) implements DeviceProvider {
    @Override
    public String kind() {
      return "several";
    }

    @Override
    public List<String> names() {
      return List.of("several", "several:N");
    }

    @Override
    public int priority() {
      return 1000;
    }

    @Override
    public List<String> available() {
      return List.of("several:0", "several:1");
    }

    @Override
    public String unavailableReason() {
      return "";
    }

    @Override
    public Device open(int ordinal, Precision precision) {
      if (ordinal < taken) {
        throw new InvalidInputException("several:" + ordinal + " is another's");
      }
      return new CpuDevice(1);
    }
  }

  private final List<String> told = new ArrayList<>();

  @Test
  void autoTakesTheNextWhereTheBestCannotBeOpened() {
    try (Device device = Devices.open(PROVIDERS, "auto", Precision.F32, told::add)) {
      assertThat(device.name()).isEqualTo("cpu");
      assertThat(device.activationType()).isEqualTo(DType.F32);
    }
    assertThat(told).hasSize(2).first().isEqualTo("device taken not used: taken:0 is another's");
    assertThat(told.getLast()).startsWith("device cpu: ");
  }

  @Test
  void aNamedDeviceIsNeverReplaced() {
    assertThatThrownBy(() -> Devices.open(PROVIDERS, "taken:2", Precision.AUTO, told::add))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage("taken:2 is another's");
    assertThat(told).isEmpty();
  }

  @Test
  void ofSeveralTheFirstThatOpensIsTaken() {
    for (String name : List.of("auto", "several")) {
      told.clear();
      try (Device _ = Devices.open(List.of(new Several(3, 2)), name, Precision.AUTO, told::add)) {
        assertThat(told)
            .hasSize(3)
            .startsWith(
                "device several:0 not used: several:0 is another's",
                "device several:1 not used: several:1 is another's");
        assertThat(told.getLast()).startsWith("device cpu: ");
      }
    }
  }

  @Test
  void ofSeveralThatCannotBeOpenedEachReasonIsTold() {
    assertThatThrownBy(() -> Devices.open(List.of(new Several(2, 2)), "several", Precision.AUTO, told::add))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage("none of the 2 several devices can be opened: several:0 is another's; several:1 is another's");
    assertThatThrownBy(() -> Devices.open(List.of(new Several(2, 1)), "several:0", Precision.AUTO, told::add))
        .hasMessage("several:0 is another's");
    assertThat(told).isEmpty();
  }

  @Test
  void theCpuHasNoBf16() {
    assertThatThrownBy(() -> Devices.open(PROVIDERS, "cpu", Precision.BF16, told::add))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("precision bf16 is for GPUs; the cpu computes in f32");
    assertThatThrownBy(() -> Devices.open(PROVIDERS, "auto", Precision.BF16, told::add))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("taken: taken:0 is another's; cpu: precision bf16 is for GPUs");
  }

  @Test
  void unknownNamesAreRefused() {
    for (String name : List.of("gpu", "cpu:", "cpu:x", "cpu:-1", "", ":0", "CPU", "cpu:99999999999")) {
      assertThatThrownBy(() -> Devices.open(PROVIDERS, name, Precision.AUTO, told::add))
          .as(name)
          .isInstanceOf(InvalidInputException.class)
          .hasMessage("unknown device '" + name + "'; known: auto, taken, cpu");
    }
    assertThatThrownBy(() -> Devices.open(List.of(new Several(1, 0)), "gpu", Precision.AUTO, told::add))
        .hasMessage("unknown device 'gpu'; known: auto, several, several:N");
  }
}
