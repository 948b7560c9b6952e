package dev.cocktail.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.trainer.cli.Cocktail;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StepCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int plan(String... more) {
    List<String> arguments = new ArrayList<>(List.of("bench", "step", "--plan"));
    arguments.addAll(List.of(more));
    return Cocktail.run(new PrintWriter(out), new PrintWriter(err), arguments.toArray(String[]::new));
  }

  private int planned(String figure, String... more) {
    out.getBuffer().setLength(0);
    assertThat(plan(more)).as(err.toString()).isZero();
    String line = out.toString().lines().filter(one -> one.startsWith(figure)).findFirst().orElseThrow();
    return Integer.parseInt(line.replaceAll("\\D", ""));
  }

  @Test
  void aPlanIsForThePrecisionThatIsAskedFor() {
    assertThat(planned("peak_memory_mib", "--precision", "f32", "--seq", "2048"))
        .isGreaterThan(planned("peak_memory_mib", "--precision", "bf16", "--seq", "2048"));
  }

  @Test
  void adaptersAreClearedAndRoundedAtOnceNotOneByOne() {
    int layers = ModelPreset.SMALL.config().layers();
    // Norms, rotation, attention, activation, and the sums of a layer, forward and backward; and what a step does once.
    assertThat(planned("kernel_launches", "--dtype", "bf16")).isBetween(10 * layers, 14 * layers + 20);
  }

  @Test
  void aStepOfMoreTokensThanAnyDeviceHoldsIsRefused() {
    assertThat(plan("--batch", "100000", "--seq", "100000")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--batch 100000 times --seq 100000 are 10,000,000,000 tokens");
  }

  @Test
  void aRankAboveTheWidthIsRefused() {
    assertThat(plan("--rank", "513")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--rank is 513; expected at most the model's width, 512");
  }

  @Test
  void aPlanIsForTheDeviceThatIsNamed() {
    assertThat(plan("--device", "cuda:99")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("cuda:99");
    assertThat(plan("--device", "cpu")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--plan: cpu", "leave --device out");
  }
}
