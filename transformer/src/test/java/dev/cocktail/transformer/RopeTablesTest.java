package dev.cocktail.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Tensor;
import dev.cocktail.tensor.TensorArena;
import dev.cocktail.transformer.testing.Golden;
import dev.cocktail.transformer.testing.TestDevice;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class RopeTablesTest {
  private static final RopeConfig LONG = new RopeConfig(4, 10000, List.of(1.0, 1.5), List.of(2.0, 4.0), 16, 1.25);

  @ParameterizedTest
  @CsvSource({"phi3_gqa_tiny,", "phi3_mini_tiny,", "phi35_longrope_tiny, long_len40"})
  void inverseFrequenciesMatchBitForBit(String name, String batch) {
    Golden golden = batch == null ? Golden.shared(name) : Golden.shared(name, batch);
    RopeConfig config = golden.config().rope();
    compare(golden.json("expected.json").path("rope_inv_freq_default_or_short"), config, false);
    if (batch != null) {
      compare(golden.json("expected.json").path("rope_inv_freq_used"), config, true);
    }
    assertThat((float) config.attentionFactor())
        .isEqualTo(golden.json("expected.json").path("rope_attention_scaling").floatValue());
  }

  private static void compare(JsonNode expected, RopeConfig config, boolean longFactors) {
    double[] frequencies = RopeTables.inverseFrequencies(config, longFactors, false);
    assertThat(frequencies).hasSize(expected.size());
    for (int j = 0; j < frequencies.length; j++) {
      assertThat((float) frequencies[j]).as("pair %d", j).isEqualTo(expected.get(j).floatValue());
    }
  }

  @ParameterizedTest
  @EnumSource(TestDevice.class)
  void longRowsFollowShortRowsAndStayWhenTablesGrow(TestDevice kind) {
    try (Device device = kind.open();
        TensorArena arena = device.openArena("tables")) {
      var tables = new RopeTables(LONG, device, arena);
      Tensor small = tables.cos(3);
      Tensor grown = tables.cos(5000);
      assertThat(grown.dim(0)).isGreaterThanOrEqualTo(5000);
      assertThat(small.segment().mismatch(grown.segment())).isEqualTo(small.byteSize());
      int shortRow = RopeTables.row(LONG, 7, false);
      int longRow = RopeTables.row(LONG, 7, true);
      assertThat(shortRow).isEqualTo(7);
      assertThat(longRow).isEqualTo(23);
      // Pair 1 has wavelength 100 times its factor.
      assertThat((float) grown.get(2L * shortRow + 1)).isEqualTo((float) (1.25f * (float) Math.cos(7f / 150f)));
      assertThat((float) tables.sin(1).get(2L * longRow)).isEqualTo((float) (1.25f * (float) Math.sin(3.5f)));
    }
  }

  @Test
  void impossibleRowsAreRefused() {
    assertThatThrownBy(() -> RopeTables.row(LONG, 16, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("16");
    assertThatThrownBy(() -> RopeTables.row(LONG, -1, true)).isInstanceOf(IllegalArgumentException.class);
    assertThat(RopeTables.row(RopeConfig.plain(4, 10000), 100_000, false)).isEqualTo(100_000);
  }
}
