package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.RunContents;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that end before their time and go on. */
class ResumeTest {
  private static final String LORA = "adapter: {r: 2, lora_alpha: 4, lora_dropout: 0.1}";

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
    folder.write(
        "moves.jsonl",
        """
        {"prompt": "gold: ", "completion": "down"}
        {"prompt": "tin: ", "completion": "up"}
        """);
    write(LORA);
  }

  private void write(String adapter) {
    folder.write(
        "run.yaml",
        """
        model: model
        %s
        tasks:
          - {name: colours, train: train.jsonl, validation: validation.jsonl, metric: exact_match}
          - {name: moves, train: moves.jsonl, validation: moves.jsonl, metric: accuracy, method: likelihood}
        mixture: {strategy: uniform}
        training: {max_steps: 10, max_length: 32, tokens_per_step: 32, learning_rate: 3.0e-2, warmup_steps: 2}
        evaluation: {every: 3 steps, best: mean_loss, max_new_tokens: 4}
        checkpoints: {every: 4 steps}
        output: out
        """
            .formatted(adapter));
  }

  private RunFile run(String output) {
    return RunFile.read(folder.path("run.yaml")).withOutput(folder.path(output));
  }

  /** Runs until the end or until so many steps are taken. */
  private static FineTuning fineTuning(RunFile run, Device device, int steps) {
    var taken = new AtomicInteger();
    var counting =
        new TrainingListener() {
          @Override
          public void stepped(StepReport report) {
            taken.set(report.step());
          }
        };
    return FineTuning.of(run, device).listener(counting).stopWhen(() -> taken.get() >= steps);
  }

  private static FineTuning.Result train(RunFile run) {
    try (var device = new CpuDevice(2)) {
      return FineTuning.of(run, device).run();
    }
  }

  private static void interrupt(RunFile run, int steps, boolean resume) {
    try (var device = new CpuDevice(2)) {
      assertThatThrownBy(() -> fineTuning(run, device, steps).resume(resume).run())
          .isInstanceOf(InterruptedRunException.class)
          .hasMessageContaining("stopped after step " + steps + " of 10");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        LORA,
        "adapter: {r: 2, lora_alpha: 4, lora_dropout: 0.1, use_dora: true}",
        "adapter: {type: none}\ntrainable: [qkv_proj, norm]",
      })
  void goesOnBitForBitFromAnyStepAndOnOtherThreads(String adapter) {
    write(adapter);
    FineTuning.Result whole = train(run("whole"));
    Map<String, String> expected = RunContents.of(whole.folder());
    assertThat(expected.get("metrics.jsonl")).contains("\"event\":\"best\"");
    for (int step = 1; step < 10; step++) {
      RunFile run = run("part" + step);
      interrupt(run, step, false);
      if (step < 9) {
        interrupt(run, step + 1, true);
      }
      try (var one = new CpuDevice(1)) {
        FineTuning.Result result = FineTuning.of(run, one).resume(true).run();
        assertThat(result.steps()).isEqualTo(10);
        assertThat(result.before()).isEqualTo(whole.before());
        assertThat(result.best().orElseThrow().validation()).isEqualTo(whole.best().orElseThrow().validation());
        assertThat(result.last().validation()).isEqualTo(whole.last().validation());
      }
      assertThat(RunContents.of(folder.path("part" + step))).as("step " + step).isEqualTo(expected);
    }
  }

  @Test
  void theBestIsTrainedAndTheLastIsKept() {
    FineTuning.Result result = train(run("whole"));
    assertThat(result.best().orElseThrow().choice().orElseThrow().criterion()).isEqualTo("mean_loss");
    assertThat(result.trained()).isEqualTo(folder.path("whole/adapter")).isNotEmptyDirectory();
    assertThat(result.last().folder()).isEqualTo(folder.path("whole/last"));
    assertThat(folder.path("whole/best")).doesNotExist();
    assertThat(folder.text("whole/result.json"))
        .contains("\"trained\" : \"best\"", "\"step\" : 10", "\"criterion\" : \"mean_loss\"");
  }

  @Test
  void stopsWhenItNoLongerImproves() {
    folder.edit("run.yaml", "best: mean_loss", "best: colours.loss, patience: 2");
    folder.edit("run.yaml", "every: 3 steps", "every: 1 steps");
    folder.edit("run.yaml", "max_steps: 10", "max_steps: 100");
    folder.edit("run.yaml", "learning_rate: 3.0e-2", "learning_rate: 0.1, schedule: constant");
    List<TrainingListener.EarlyStop> stops = new ArrayList<>();
    try (var device = new CpuDevice(1)) {
      FineTuning.Result result =
          FineTuning.of(run("out"), device)
              .listener(
                  new TrainingListener() {
                    @Override
                    public void stoppedEarly(EarlyStop stop) {
                      stops.add(stop);
                    }
                  })
              .run();
      assertThat(result.steps()).isEqualTo(result.best().orElseThrow().step() + 2).isLessThan(100);
      assertThat(stops).hasSize(1);
    }
    assertThat(folder.text("out/result.json")).contains("STOPPED_EARLY");
    assertThat(folder.text("out/metrics.jsonl")).contains("early_stop");
  }

  @Test
  void aRunThatWasBegunWithoutCheckpointBeginsAgain() throws IOException {
    Map<String, String> expected = RunContents.of(train(run("whole")).folder());
    interrupt(run("out"), 2, false);
    deleteTree(folder.path("out/checkpoints"));
    Files.writeString(folder.path("out/metrics.jsonl"), "{\"event\": \"st", StandardOpenOption.APPEND);
    CommandRun again = resume().done();
    assertThat(again.err()).contains("no checkpoint yet");
    assertThat(RunContents.of(folder.path("out"))).isEqualTo(expected);
  }

  /** A kill between the last file of a run and the removal of what it no longer needs. */
  @Test
  void whatAnEndedRunNoLongerNeedsIsRemoved() throws IOException {
    resume().done();
    Map<String, String> expected = RunContents.of(folder.path("out"));
    assertThat(folder.path("out/best")).doesNotExist();
    Files.createDirectories(folder.path("out/best/step-2"));
    Files.writeString(folder.path("out/best/step-2/adapter_config.json"), "{}");
    resume().done();
    assertThat(RunContents.of(folder.path("out"))).isEqualTo(expected);
    assertThat(folder.path("out/best")).doesNotExist();
  }

  @Test
  void whatWasNeverBegunBeginsAndWhatIsOverStays() {
    resume().done();
    Map<String, String> before = folder.contents();
    CommandRun again = resume().done();
    assertThat(again.err()).contains("is over");
    assertThat(again.out()).contains(folder.path("out/adapter").toString());
    assertThat(folder.contents()).isEqualTo(before);
    CommandRun without = folder.train();
    assertThat(without.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(without.err()).contains("already holds a run", "--resume");
  }

  private CommandRun resume() {
    return CommandRun.of("train", "--resume", "--device", "cpu", folder.path("run.yaml").toString());
  }

  private void assertRefused(String... says) {
    Map<String, String> before = folder.contents();
    CommandRun run = resume();
    assertThat(run.exitCode()).as(run.err()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains(says);
    assertThat(folder.contents()).isEqualTo(before);
  }

  @Test
  void refusesWhatChangedAndSaysWhat() throws IOException {
    interrupt(run("out"), 3, false);
    folder.edit("run.yaml", "warmup_steps: 2", "warmup_steps: 3");
    assertRefused("training.warmup_steps was 2 and is 3", folder.path("out").toString());
    folder.edit("run.yaml", "warmup_steps: 3", "warmup_steps: 2");

    String moves = folder.text("moves.jsonl");
    folder.edit("moves.jsonl", "\"up\"", "\"Up\"");
    assertRefused("tasks[1].train was", "moves.jsonl", "tasks[1].validation");
    folder.write("moves.jsonl", moves);

    Path weights = folder.path("model/model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    byte[] other = bytes.clone();
    other[other.length - 3] ^= 1;
    Files.write(weights, other);
    assertRefused("model: model.safetensors was");
    Files.write(weights, bytes);

    folder.edit("run.yaml", "checkpoints: {every: 4 steps}", "checkpoints: {every: 2 steps, keep: 3, minutes: 5}");
    folder.edit("run.yaml", "warmup_steps: 2", "warmup_steps: 2, log_every: 7, checkpoint_layers: true");
    Files.move(folder.path("moves.jsonl"), folder.path("renamed.jsonl"));
    folder.edit(
        "run.yaml", "train: moves.jsonl, validation: moves.jsonl", "train: renamed.jsonl, validation: renamed.jsonl");
    assertThat(resume().done().err()).contains("continuing after step 3");
    assertThat(folder.text("out/run.yaml")).contains("keep: 3");
    folder.edit("run.yaml", "max_steps: 10", "max_steps: 11");
    assertRefused("training.max_steps was 10 and is 11");
  }

  @Test
  void refusesACheckpointOfAnotherRunAndABrokenOne() throws IOException {
    interrupt(run("out"), 3, false);
    RunFile other = run("other").withSeed(1);
    interrupt(other, 4, false);
    Path moved = folder.path("out/checkpoints/step-4");
    Files.move(folder.path("other/checkpoints/step-4"), moved);
    assertRefused(moved.toString(), "training.seed was 1 and is 42");
    deleteTree(moved);

    Path state = folder.path("out/checkpoints/step-3/state.json");
    String text = Files.readString(state);
    Files.writeString(state, text.substring(0, text.length() / 2));
    assertRefused(state + " is broken");
    Files.writeString(state, text);

    Path optimiser = folder.path("out/checkpoints/step-3/optimiser.safetensors");
    byte[] bytes = Files.readAllBytes(optimiser);
    Files.write(optimiser, java.util.Arrays.copyOf(bytes, bytes.length - 8));
    CommandRun run = resume();
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err())
        .contains("the checkpoint " + optimiser.getParent() + " is broken: ", optimiser.toString())
        .contains("Move it away, and train --resume goes on from the one before, or begins again");
    Files.write(optimiser, bytes);
    // What an earlier start had of the run is not in the table, and the table says so.
    assertThat(resume().done().out()).contains("examples after step 3");
  }

  @Test
  void aFolderInUseAndOneThatIsNoRunsAreRefused() throws IOException {
    interrupt(run("out"), 3, false);
    List<String> refusals = new ArrayList<>();
    try (var device = new CpuDevice(1)) {
      FineTuning.of(run("out"), device)
          .listener(
              new TrainingListener() {
                @Override
                public void began(RunStart start) {
                  assertThat(start.taken()).isEqualTo(3);
                  CommandRun second = resume();
                  assertThat(second.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
                  refusals.add(second.err());
                }
              })
          .resume(true)
          .run();
    }
    assertThat(refusals).hasSize(1).first().asString().contains("in use by another run");

    Files.createDirectory(folder.path("strange"));
    folder.write("strange/letter.txt", "dear");
    folder.edit("run.yaml", "output: out", "output: strange");
    assertRefused("strange is not empty");
    folder.write("strange/run.yaml", "");
    assertRefused("cannot be continued");
  }

  @Test
  void keepsTheNewestCheckpointsAndAnotherOneIsSavedEveryFewMinutes() throws IOException {
    folder.edit("run.yaml", "every: 4 steps", "every: never, minutes: 1.0e-9, keep: 3");
    train(run("out"));
    try (var kept = Files.list(folder.path("out/checkpoints"))) {
      assertThat(kept.map(path -> path.getFileName().toString()))
          .containsExactlyInAnyOrder("step-8", "step-9", "step-10");
    }
    folder.edit("run.yaml", "every: never, minutes: 1.0e-9, keep: 3", "every: never");
    train(run("none"));
    assertThat(folder.path("none/checkpoints")).doesNotExist();
  }

  /** What a killed process leaves: an unfinished checkpoint, and metrics beyond the last whole one. */
  @Test
  void whatWasNotFinishedIsThrownAway() throws IOException {
    Map<String, String> expected = RunContents.of(train(run("whole")).folder());
    interrupt(run("out"), 5, false);
    Path unfinished = folder.path("out/checkpoints/.step-7.1234.tmp");
    Files.createDirectories(unfinished);
    Files.copy(
        folder.path("out/checkpoints/step-5/state.json"),
        unfinished.resolve("state.json"),
        StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(folder.path("out/metrics.jsonl"), "{\"event\": \"step\"}\n{\"ev", StandardOpenOption.APPEND);
    resume().done();
    assertThat(unfinished).doesNotExist();
    assertThat(RunContents.of(folder.path("out"))).isEqualTo(expected);
  }

  @Test
  void metricsThatWereCutAreNotedBeforeAnythingIsChanged() throws IOException {
    interrupt(run("out"), 5, false);
    Files.writeString(folder.path("out/metrics.jsonl"), "");
    CommandRun run = resume();
    assertThat(run.exitCode()).isEqualTo(CocktailCommand.INVALID_INPUT);
    assertThat(run.err()).contains("metrics.jsonl has 0 bytes, but had");
  }

  @Test
  void whatCannotBeChosenByIsRefused() {
    folder.edit("run.yaml", "best: mean_loss", "best: colors.loss");
    assertThatThrownBy(() -> run("out"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("evaluation.best: there is no task 'colors'")
        .hasMessageContaining("colours");
    folder.edit("run.yaml", "best: colors.loss", "best: luck");
    assertThatThrownBy(() -> run("out")).hasMessageContaining("'luck' is nothing to choose by");
    folder.edit("run.yaml", "best: luck", "patience: 2");
    assertThatThrownBy(() -> run("out")).hasMessageContaining("evaluation.patience: needs something to watch");
  }

  private static void deleteTree(Path path) throws IOException {
    try (var files = Files.walk(path)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
