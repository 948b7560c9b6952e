package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.data.Example;
import dev.cocktail.trainer.data.MicroBatch;
import dev.cocktail.trainer.data.StepBatch;
import dev.cocktail.transformer.Phi3Model;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepArithmeticTest {
  private static StepBatch batch(int... lengths) {
    List<MicroBatch> micro =
        Arrays.stream(lengths)
            .mapToObj(length -> {
              boolean[] supervised = new boolean[length];
              supervised[length - 1] = true;
              return new MicroBatch(
                  List.of(new MicroBatch.Sequence(0, new Example(new int[length], supervised, "here"))));
            })
            .toList();
    return new StepBatch(micro);
  }

  @Test
  void countsTokensTargetsAndPairs() {
    var arithmetic = new StepArithmetic(10, 100, 1000, OptionalInt.empty());
    assertThat(arithmetic.of(batch(3))).isEqualTo(3 * 10 + 100 + 6 * 1000);
    assertThat(arithmetic.of(batch(3, 2))).isEqualTo(5 * 10 + 2 * 100 + (6 + 3) * 1000);
  }

  /**
   * Three layers of 15,360 + 9,216 + 49,152 + 24,576 weights, adapters of rank 4 on all of them, a vocabulary of 512.
   */
  @Test
  void countsTheWeightsOfAModelAndItsAdapter(@TempDir Path temporary) {
    Path folder = GoldenAdapters.bundled(temporary).model();
    try (Device device = new CpuDevice(1);
        Phi3Model model = Phi3Model.load(folder, device);
        var adapter = LoraTrainable.load(model, folder.resolve("adapter"))) {
      assertThat(StepArithmetic.of(model, adapter))
          .isEqualTo(
              new StepArithmetic(
                  4 * 3 * 98_304 + 6 * 3 * 4 * 1_408, 4 * 512 * 96, 12 * 3 * 6 * 16, OptionalInt.of(2047)));
    }
  }

  @Test
  void trainedWeightsOfTheModelTakeHalfAsMuchMore(@TempDir Path temporary) {
    Path folder = GoldenAdapters.bundled(temporary).model();
    try (Device device = new CpuDevice(1);
        Phi3Model model = Phi3Model.load(folder, device);
        var all = BaseTrainable.of(model, List.of("all"))) {
      assertThat(StepArithmetic.of(model, all))
          .isEqualTo(new StepArithmetic(6 * 3 * 98_304, 6 * 512 * 96, 12 * 3 * 6 * 16, OptionalInt.of(2047)));
    }
  }

  @Test
  void seesNoFurtherThanTheWindow() {
    var arithmetic = new StepArithmetic(0, 0, 1, OptionalInt.of(2));
    // Of four tokens the first sees one, the others two.
    assertThat(arithmetic.of(batch(4))).isEqualTo(7);
    assertThat(arithmetic.of(batch(1, 2))).isEqualTo(1 + 3);
  }
}
