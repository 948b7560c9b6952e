package dev.cocktail.trainer.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.eval.EvaluationItem;
import dev.cocktail.lora.AdaptedModel;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.cli.TinyFolder;
import dev.cocktail.trainer.config.RunFile;
import dev.cocktail.trainer.config.StudyFile;
import dev.cocktail.transformer.text.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of the Javadoc stand in {@link LibraryExamples}, and do what they say. */
class LibraryExamplesTest {
  private static final Pattern EXAMPLE = Pattern.compile("<pre>\\{@code\\n(.*?)\\n *\\* ?}</pre>", Pattern.DOTALL);

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
  }

  @Test
  void allExamplesOfTheJavadocAreHere() throws IOException {
    Path root = Path.of("").toAbsolutePath().getParent();
    String compiled = words(Files.readString(source(root)));
    List<String> missing = new ArrayList<>();
    int examples = 0;
    try (Stream<Path> files = Files.walk(root)) {
      List<Path> sources =
          files
              .filter(file -> file.toString().contains("/src/main/java/") && file.toString().endsWith(".java"))
              .toList();
      for (Path file : sources) {
        Matcher example = EXAMPLE.matcher(Files.readString(file));
        while (example.find()) {
          examples++;
          String text = example.group(1).replaceAll("(?m)^ *\\* ?", "");
          if (!compiled.contains(words(text))) {
            missing.add(root.relativize(file) + ":\n" + text);
          }
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(examples).isGreaterThan(5);
  }

  private static Path source(Path root) {
    return root.resolve("trainer/src/test/java/dev/cocktail/trainer/example/LibraryExamples.java");
  }

  /** A text without regard to how its lines are broken and indented. */
  private static String words(String text) {
    return text.replaceAll("\\s+", "");
  }

  @Test
  void runsAreBuiltFineTunedAndHeardOf() {
    Path train = folder.path("train.jsonl");
    RunFile run = LibraryExamples.build(folder.path("model"), folder.path("built"), train, train, train);
    assertThat(run.taskNames()).containsExactly("news", "headlines");
    assertThat(run.tasks().getFirst().validation()).hasValue(train);
    assertThat(run.adapter().r()).isEqualTo(16);
    RunFile brief =
        RunFile.builder(run.model(), run.output())
            .task("news", train)
            .set("training.max_steps", 2)
            .set("training.max_length", 64)
            .set("adapter.target_modules", List.of("qkv_proj"))
            .build();
    List<Integer> steps = new ArrayList<>();
    try (var device = new CpuDevice(1)) {
      var fineTuning = FineTuning.of(brief, device);
      LibraryExamples.listen(fineTuning);
      FineTuning.Result result =
          fineTuning
              .listener(
                  new TrainingListener() {
                    @Override
                    public void stepped(StepReport report) {
                      steps.add(report.step());
                    }
                  })
              .run();
      assertThat(steps).containsExactly(1, 2);
      LibraryExamples.answer(run.model(), result.trained());
      try (var model = AdaptedModel.open(run.model(), Optional.of(result.trained()), device)) {
        var item =
            new EvaluationItem(
                "here", new EvaluationItem.Chat(List.of(Message.user("Good?"))), "positive", Optional.empty());
        assertThat(LibraryExamples.evaluate(model, List.of(item))).isIn(0.0, 1.0);
      }
    }
  }

  @Test
  void builtRunsAreCheckedAsFilesAre() {
    Path train = folder.path("train.jsonl");
    var builder = RunFile.builder(folder.path("model"), folder.path("built")).task("news", train);
    assertThatThrownBy(() -> builder.task("news", train)).isInstanceOf(InvalidInputException.class);
    assertThatThrownBy(() -> builder.set("tasks.other.validation", train))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("[news]");
    assertThatThrownBy(() -> builder.set("training.epoch", 2).build())
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("epochs");
  }

  @Test
  void aRunFileIsFineTuned() {
    LibraryExamples.fineTune(folder.path("run.yaml"));
    assertThat(folder.path("out/adapter/adapter_model.safetensors")).isNotEmptyFile();
  }

  @Test
  void aStudyIsRun() throws IOException {
    String task =
        "  - {name: %s, train: train.jsonl, validation: validation.jsonl, test: train.jsonl, metric: exact_match}\n";
    Files.writeString(
        folder.path("study.yaml"),
        "model: model\ntasks:\n"
            + task.formatted("one")
            + task.formatted("two")
            + "training: {max_steps: 1, max_length: 64}\n"
            + "evaluation: {max_new_tokens: 2}\n"
            + "study: {seeds: 1}\n"
            + "output: out\n");
    LibraryExamples.compare(folder.path("study.yaml"));
    assertThat(folder.path("out/runs/all/seed-42/adapter/adapter_model.safetensors")).isNotEmptyFile();
    try (var device = new CpuDevice(1)) {
      Path page = LibraryExamples.report(StudyFile.read(folder.path("study.yaml")), device);
      assertThat(page).isEqualTo(folder.path("out/report.html")).isNotEmptyFile();
    }
  }

  @Test
  void mixturesAreDrawnWithoutAModel() {
    LibraryExamples.mix();
  }

  @Test
  void anUninterruptedWorkIsDoneInPeace() {
    var left = new int[] {3};
    LibraryExamples.interrupt(
        () -> left[0] > 0,
        () -> left[0]--,
        () -> {
          throw new InterruptedRunException("nobody asked for it");
        });
    assertThat(left[0]).isZero();
  }
}
