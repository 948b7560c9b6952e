package dev.cocktail.trainer.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.eval.statistics.Interval;
import dev.cocktail.eval.statistics.PairedDifference;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.Devices;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.RunMetrics;
import dev.cocktail.trainer.Scores;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.scratch.UntrainedModel;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

/** The demo's own files, with fewer steps. */
class DemoRunTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final DemoSize SMALL = SmallDemo.SIZE;

  private static RunFile cocktail(Path folder, DemoSize size) {
    DemoFolder.named(folder, size).close();
    return RunFile.read(folder.resolve(DemoArm.COCKTAIL.runFile().orElseThrow()));
  }

  /** The whole of it, with less of everything: all files are there, and what is printed is what the files say. */
  @Test
  void everyAdapterIsTrainedAndAskedAtTheSameBudget(@TempDir Path temp) throws Exception {
    Path folder = temp.resolve("demo");

    JsonNode summary = JSON.readTree(SmallDemo.run(folder));

    for (DemoArm arm : DemoArm.all()) {
      assertThat(Files.readAllLines(folder.resolve(arm.name() + ".items.jsonl"))).hasSize(4 * SMALL.testItems());
      assertThat(summary.path("right").path(arm.name())).hasSize(4);
      if (!arm.tasks().isEmpty()) {
        assertThat(folder.resolve(arm.name()).resolve("adapter/adapter_model.safetensors")).exists();
        JsonNode adapter = summary.path("adapters").path(arm.name());
        assertThat(adapter.path("steps").intValue()).isEqualTo(SMALL.steps());
        assertThat(adapter.path("tokens").intValue())
            .isBetween(SMALL.steps() * DemoSize.TOKENS_PER_STEP * 9 / 10, SMALL.steps() * DemoSize.TOKENS_PER_STEP);
      }
    }
    assertThat(right(folder.resolve("cocktail.items.jsonl"), "sentiment") / SMALL.testItems())
        .isEqualTo(summary.path("right").path("cocktail").path("sentiment").path(0).doubleValue());
    String report = Files.readString(folder.resolve("report.html"));
    var factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    var document = factory.newDocumentBuilder().parse(new InputSource(new StringReader(report)));
    assertThat(document.getElementsByTagName("section").getLength()).isEqualTo(7);
    assertThat(document.getElementsByTagName("svg").getLength()).isEqualTo(8);
    assertThat(report).doesNotContain("NaN");
  }

  private static double right(Path items, String task) throws IOException {
    double right = 0;
    for (String line : Files.readAllLines(items)) {
      JsonNode item = JSON.readTree(line);
      right += item.path("task").asText().equals(task) && item.path("right_strict").booleanValue() ? 1 : 0;
    }
    return right;
  }

  @Test
  void allTasksAreLearnt(@TempDir Path temp) throws IOException {
    var size = new DemoSize(400, 20, 2, 30);
    RunFile run = cocktail(temp.resolve("demo"), size);

    FineTuning.Result result;
    try (Device device = Devices.open("cpu", line -> {})) {
      result = FineTuning.of(run, device).run();
    }

    assertThat(result.steps()).isEqualTo(size.steps());
    Scores before = result.before().orElseThrow();
    Scores after = result.last().validation().orElseThrow();
    for (DemoTask task : DemoTask.values()) {
      assertThat(after.losses().get(task.label())).isLessThan(before.losses().get(task.label()) / 2);
    }
    assertThat(result.trained().resolve("adapter_model.safetensors")).exists();
    assertThat(RunFile.read(result.folder().resolve("run.yaml")).training()).isEqualTo(run.training());
    RunMetrics metrics = RunMetrics.read(result.folder());
    assertThat(metrics.steps()).hasSize(size.steps());
    assertThat(metrics.plannedShare("sentiment", "examples")).isCloseTo(0.25, within(1e-9));
    assertThat(metrics.validationLoss("table").getLast().y()).isEqualTo(after.losses().get("table"));
  }

  @Test
  void whatADifferenceShowsDependsOnAllQuestionsTogether() {
    var interval = new Interval(-1, 1, 0.95);
    Map<DemoTask, DemoResults.Verdict> verdicts =
        DemoResults.verdicts(
            Map.of(
                DemoTask.SENTIMENT, new PairedDifference(0.2, interval, 0.01),
                DemoTask.HEADLINE, new PairedDifference(0.1, interval, 0.04),
                DemoTask.ENTITY, new PairedDifference(-0.1, interval, 0.03),
                DemoTask.TABLE, new PairedDifference(-0.3, interval, 0.005)));

    // Adjusted: 0.03, 0.06, 0.06 and 0.02.
    assertThat(verdicts.get(DemoTask.SENTIMENT).finding()).isEqualTo(DemoResults.Finding.BETTER);
    assertThat(verdicts.get(DemoTask.HEADLINE).finding()).isEqualTo(DemoResults.Finding.UNDECIDED);
    assertThat(verdicts.get(DemoTask.ENTITY).finding()).isEqualTo(DemoResults.Finding.UNDECIDED);
    assertThat(verdicts.get(DemoTask.TABLE).finding()).isEqualTo(DemoResults.Finding.WORSE);
  }

  @Test
  void aRunStoppedBeforeItsFirstStepLeavesNothing(@TempDir Path temp) {
    Path folder = temp.resolve("demo");
    RunFile run = cocktail(folder, SMALL);

    try (Device device = Devices.open("cpu", line -> {})) {
      FineTuning fineTuning = FineTuning.of(run, device).stopWhen(() -> true);
      assertThatThrownBy(fineTuning::run)
          .isInstanceOf(InterruptedRunException.class)
          .hasMessageContaining("nothing was written");
    }

    assertThat(run.output()).doesNotExist();
  }

  @Test
  void whatWasLearntSurvivesAFailureOfSomethingElse(@TempDir Path temp) {
    Path folder = temp.resolve("demo");
    RunFile run = cocktail(folder, SMALL);
    List<String> notes = new ArrayList<>();
    TrainingListener failing =
        new TrainingListener() {
          @Override
          public void stepped(StepReport report) {
            if (report.step() == 2) {
              throw new IllegalStateException("planted");
            }
          }
        };

    try (Device device = Devices.open("cpu", line -> {})) {
      FineTuning fineTuning = FineTuning.of(run, device).listener(failing).notes(notes::add);
      assertThatThrownBy(fineTuning::run).isInstanceOf(IllegalStateException.class).hasMessage("planted");
    }

    assertThat(run.output().resolve("adapter/adapter_model.safetensors")).exists();
    assertThat(notes.getLast()).startsWith("failed after step 2;");
  }

  @Test
  void theBundledBaseHasTheRecipesConfigurationAndTokenizer(@TempDir Path folder) throws IOException {
    DemoFolder.named(folder, SMALL).close();
    JsonNode config = JSON.readTree(folder.resolve("base/config.json").toFile());
    assertThat(config.path("vocab_size").intValue()).isEqualTo(1024);
    JsonNode vocabulary = JSON.readTree(folder.resolve("base/tokenizer.json").toFile()).path("model").path("vocab");
    for (int id = 0; id < UntrainedModel.SPECIAL_TOKENS.size(); id++) {
      assertThat(vocabulary.path(UntrainedModel.SPECIAL_TOKENS.get(id)).intValue()).isEqualTo(id);
    }
  }
}
