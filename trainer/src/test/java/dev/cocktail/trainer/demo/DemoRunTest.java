package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.cli.CocktailCommand;
import dev.cocktail.trainer.cli.CommandRun;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The demo's own files, with fewer steps. */
class DemoRunTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void bothTasksAreLearnt(@TempDir Path temp) throws IOException {
    Path folder = temp.resolve("demo");
    DemoMaterial.writeDemo(folder);
    String shorter = Files.readString(folder.resolve("demo.yaml")).replaceFirst("epochs: \\d+", "max_steps: 30");
    Files.writeString(folder.resolve("demo.yaml"), shorter);
    RunFile run = RunFile.read(folder.resolve("demo.yaml"));

    FineTuning.Result result;
    try (Device device = Devices.open("cpu", line -> {})) {
      result = FineTuning.of(run, device).run();
    }

    assertThat(result.steps()).isEqualTo(30);
    for (String task : DemoMaterial.TASKS) {
      assertThat(result.after().get(task).mean()).isLessThan(result.before().get(task).mean() / 2);
    }
    assertThat(result.trained().resolve("adapter_model.safetensors")).exists();
    assertThat(RunFile.read(result.folder().resolve("run.yaml")).training()).isEqualTo(run.training());
    List<String> lines = Files.readAllLines(result.folder().resolve("metrics.jsonl"));
    assertThat(lines.stream().filter(line -> line.contains("\"event\":\"step\""))).hasSize(30);
    JsonNode first =
        JSON.readTree(lines.stream().filter(line -> line.contains("\"step\":1,")).findFirst().orElseThrow());
    assertThat(first.path("tasks").path("sentiment").path("loss").isNumber()).isTrue();
    assertThat(first.path("tokens").intValue()).isBetween(1, run.training().tokensPerStep());
  }

  @Test
  void aDeviceThatCannotBeUsedIsRefusedBeforeAnythingIsWritten(@TempDir Path temp) {
    Path folder = temp.resolve("demo");
    CommandRun run = CommandRun.of("demo", "--device", "cuda:99", "--output", folder.toString());
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(folder).doesNotExist();
  }

  @Test
  void aRunStoppedBeforeItsFirstStepSavesAnAdapter(@TempDir Path temp) {
    Path folder = temp.resolve("demo");
    DemoMaterial.writeDemo(folder);
    RunFile run = RunFile.read(folder.resolve("demo.yaml"));

    try (Device device = Devices.open("cpu", line -> {})) {
      FineTuning fineTuning = FineTuning.of(run, device).stopWhen(() -> true);
      assertThatThrownBy(fineTuning::run)
          .isInstanceOf(InterruptedRunException.class)
          .hasMessageContaining("after step 0 of 378");
    }

    assertThat(run.output().resolve("adapter/adapter_model.safetensors")).exists();
  }

  @Test
  void whatWasLearntSurvivesAFailureOfSomethingElse(@TempDir Path temp) {
    Path folder = temp.resolve("demo");
    DemoMaterial.writeDemo(folder);
    RunFile run = RunFile.read(folder.resolve("demo.yaml"));
    List<String> notes = new ArrayList<>();
    TrainingListener failing =
        new TrainingListener() {
          @Override
          public void stepped(StepReport report) {
            if (report.step() == 3) {
              throw new IllegalStateException("planted");
            }
          }
        };

    try (Device device = Devices.open("cpu", line -> {})) {
      FineTuning fineTuning = FineTuning.of(run, device).listener(failing).notes(notes::add);
      assertThatThrownBy(fineTuning::run).isInstanceOf(IllegalStateException.class).hasMessage("planted");
    }

    assertThat(run.output().resolve("adapter/adapter_model.safetensors")).exists();
    assertThat(notes.getLast()).startsWith("failed after step 3;");
  }

  @Test
  void theBundledBaseHasTheRecipesConfigurationAndTokenizer(@TempDir Path folder) throws IOException {
    DemoMaterial.writeDemo(folder);
    JsonNode config = JSON.readTree(folder.resolve("base/config.json").toFile());
    assertThat(config.path("vocab_size").intValue()).isEqualTo(DemoMaterial.VOCABULARY);
    JsonNode vocabulary = JSON.readTree(folder.resolve("base/tokenizer.json").toFile()).path("model").path("vocab");
    for (int id = 0; id < DemoMaterial.SPECIAL_TOKENS.size(); id++) {
      assertThat(vocabulary.path(DemoMaterial.SPECIAL_TOKENS.get(id)).intValue()).isEqualTo(id);
    }
  }
}
