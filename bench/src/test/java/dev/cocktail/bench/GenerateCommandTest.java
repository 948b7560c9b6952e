package dev.cocktail.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.cli.Cocktail;
import dev.cocktail.trainer.cli.CocktailCommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GenerateCommandTest {
  private final StringWriter err = new StringWriter();

  private int run(String... arguments) {
    return Cocktail.run(new PrintWriter(new StringWriter()), new PrintWriter(err), arguments);
  }

  @Test
  void aStepReadsAllWeightsButTheTableOfEmbeddings() {
    var options = new GenerationBenchmark.Options(ModelPreset.SMALL, DType.BF16, 2, 3, 3, 1, 0);
    try (var device = new CpuDevice(2)) {
      Map<String, Object> figures = GenerationBenchmark.run(device, options);
      double perToken = 1e9 * (double) figures.get("weights_gb_per_s") / (double) figures.get("tokens_per_s") * 2;
      // 58.5 M parameters without a table of 32,064 x 512, two bytes each.
      assertThat(perToken).isBetween(2 * 40.5e6, 2 * 43e6);
    }
  }

  @Test
  void moreTokensThanAModelOrAMachineHoldsAreRefused() {
    assertThat(run("bench", "generate", "--tokens", "5000")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--prompt 16 and --tokens 5000", "4096 positions");
    assertThat(run("bench", "generate", "--batch", "2000000000")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("160,000,000,000 tokens");
  }

  @Test
  void oneTokenCannotBeTimed() {
    assertThat(run("bench", "generate", "--tokens", "1")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("--tokens is 1; expected at least 2");
    assertThat(run("bench", "open", "--model", "nowhere")).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(err.toString()).contains("nowhere");
  }
}
