package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.RunContents;
import dev.cocktail.trainer.TrainingListener;
import dev.cocktail.trainer.config.RunFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Training processes that are killed at random moments and started again until they are through. {@code
 * -Dcocktail.kills=100} kills more often; {@code -Dcocktail.kills.seed=N} repeats the moments of a run.
 */
class KilledRunTest {
  private static final int KILLS = Integer.getInteger("cocktail.kills", 3);
  private static final long SEED = Long.getLong("cocktail.kills.seed", System.nanoTime());

  /** Where in a process' life it is killed: within this time from its start, or from its first step. */
  private static final int START_MILLIS = 1500;

  private static final int TRAINING_MILLIS = 500;

  @TempDir private Path temporary;
  private TinyFolder folder;

  @BeforeEach
  void write() {
    folder = TinyFolder.write(temporary);
    folder.write(
        "run.yaml",
        """
        model: model
        adapter: {r: 2, lora_alpha: 4, lora_dropout: 0.1}
        tasks:
          - {name: colours, train: train.jsonl, validation: validation.jsonl, test: train.jsonl, metric: exact_match}
        training: {max_steps: 40, max_length: 32, tokens_per_step: 32, learning_rate: 3.0e-2, warmup_steps: 2}
        evaluation: {every: 5 steps, best: mean_loss, max_new_tokens: 4, test: both}
        checkpoints: {every: 3 steps, keep: 2}
        output: out
        """);
  }

  private List<String> resume(String output) {
    return List.of("--resume", "--output", folder.path(output).toString(), folder.path("run.yaml").toString());
  }

  private void finish(String output) throws InterruptedException {
    try (var process = CocktailProcess.start("train", resume(output))) {
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.DONE);
    }
  }

  private static void assertReadable(Path run) throws IOException {
    if (!Files.exists(run)) {
      return;
    }
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (run.relativize(file).toString().contains(".tmp")) {
          continue; // What was not finished stands under a name that nobody takes for the real one.
        }
        if (file.toString().endsWith(".safetensors")) {
          SafetensorsFile.open(file).close();
        } else if (file.toString().endsWith(".json")) {
          new ObjectMapper().readTree(file.toFile());
        }
      }
    }
  }

  @Test
  void killedAtAnyMomentItGoesOnToTheSameBits() throws Exception {
    CommandRun.of(
            "train", "--device", "cpu", "--output", folder.path("whole").toString(), folder.path("run.yaml").toString())
        .done();
    Map<String, String> expected = RunContents.of(folder.path("whole"));
    Map<String, String> expectedCheckpoints = RunContents.weightsOf(folder.path("whole/checkpoints"));
    assertThat(expectedCheckpoints).isNotEmpty();
    var random = new Random(SEED);
    int kills = 0;
    int runs = 0;
    while (kills < KILLS) {
      String output = "killed" + runs++;
      boolean unfinished = true;
      while (unfinished && kills < KILLS) {
        try (var process = CocktailProcess.start("train", resume(output))) {
          boolean atStart = random.nextInt(5) == 0;
          if (!atStart) {
            process.awaitFirstStep();
          }
          unfinished = process.killAfter(random.nextInt(atStart ? START_MILLIS : TRAINING_MILLIS));
        }
        if (unfinished) {
          kills++;
        }
        assertReadable(folder.path(output));
      }
      finish(output);
      String what = "run " + runs + ", after " + kills + " kills, seed " + SEED;
      assertThat(RunContents.of(folder.path(output))).as(what).isEqualTo(expected);
      assertThat(RunContents.weightsOf(folder.path(output + "/checkpoints"))).as(what).isEqualTo(expectedCheckpoints);
    }
    System.out.println(kills + " kills in " + runs + " runs, seed " + SEED);
  }

  /** Limits below the sizes of the adapter's file and of that with the moments. */
  @ParameterizedTest
  @ValueSource(ints = {24, 80})
  void whereASaveFailsForWantOfRoomTheLastCheckpointIsWhole(int kibibytes) throws Exception {
    assumeTrue(File.separatorChar == '/', "needs ulimit");
    folder.edit("run.yaml", "max_steps: 40", "max_steps: 8");
    folder.edit("run.yaml", "keep: 2", "keep: 1");
    CommandRun.of("train", "--device", "cpu", folder.path("run.yaml").toString()).done();
    Map<String, String> expected = RunContents.of(folder.path("out"));
    RunFile run = RunFile.read(folder.path("run.yaml")).withOutput(folder.path("full"));
    var taken = new AtomicInteger();
    try (var device = new CpuDevice(1)) {
      var counting =
          new TrainingListener() {
            @Override
            public void stepped(StepReport report) {
              taken.set(report.step());
            }
          };
      FineTuning interrupted = FineTuning.of(run, device).listener(counting).stopWhen(() -> taken.get() == 4);
      assertThatThrownBy(interrupted::run).isInstanceOf(InterruptedRunException.class);
    }
    Path checkpoints = folder.path("full/checkpoints");
    Map<String, String> before = RunContents.weightsOf(checkpoints);
    assertThat(before.keySet()).allMatch(name -> name.startsWith("step-4/")).isNotEmpty();

    try (var process = CocktailProcess.startWithSmallFiles(kibibytes, "train", resume("full"))) {
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.FAILED);
      assertThat(process.output()).contains("continuing after step 4", "could not write");
    }
    assertThat(RunContents.weightsOf(checkpoints)).isEqualTo(before);
    try (Stream<Path> left = Files.list(checkpoints)) {
      assertThat(left.map(path -> path.getFileName().toString())).containsExactly("step-4");
    }
    finish("full");
    assertThat(RunContents.of(folder.path("full"))).isEqualTo(expected);
  }
}
