package dev.cocktail.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.tensor.safetensors.SafetensorsFile;
import dev.cocktail.trainer.cli.TinyFolder;
import dev.cocktail.trainer.config.RunFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs on a disk that becomes full at one of the operations that need room. In every build it does so at a few of them;
 * {@code -Dcocktail.full=10000} at every one.
 */
class FullDiskTest {
  private static final int TIMES = Integer.getInteger("cocktail.full", 6);

  @TempDir private Path temporary;
  private RunFile run;

  @BeforeEach
  void write() throws IOException {
    TinyFolder folder = TinyFolder.write(temporary);
    Files.writeString(
        folder.path("run.yaml"),
        """
        model: model
        adapter: {r: 1, lora_alpha: 4, lora_dropout: 0.1, target_modules: [qkv_proj]}
        tasks:
          - {name: colours, train: train.jsonl, validation: validation.jsonl, test: train.jsonl, metric: exact_match}
        training: {max_steps: 3, max_length: 32, tokens_per_step: 32, learning_rate: 3.0e-2}
        evaluation: {every: 1 steps, best: mean_loss, max_new_tokens: 2, test: both}
        checkpoints: {every: 1 steps, keep: 1}
        """);
    run = RunFile.read(folder.path("run.yaml"));
  }

  /** The weights of each step that was ever saved. */
  private static Map<String, String> steps(CheckpointStore checkpoints) {
    Map<String, String> steps = new LinkedHashMap<>();
    checkpoints
        .whole()
        .forEach((step, folder) -> {
          assertThat(folder.resolve("state.json")).exists();
          steps.put("step " + step, RunContents.weightsOf(folder).toString());
        });
    return steps;
  }

  private static void assertReadable(Path run) throws IOException {
    try (Stream<Path> files = Files.walk(run)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".safetensors")).toList()) {
        SafetensorsFile.open(file).close();
      }
    }
  }

  @Test
  void theLastCheckpointIsWholeAndTheRunGoesOnOnceThereIsRoom() throws IOException {
    var roomy = new FullDisk(Integer.MAX_VALUE);
    Path whole = temporary.resolve("whole");
    Map<String, String> saved = new LinkedHashMap<>();
    List<Integer> savedAt = new ArrayList<>();
    try (var device = new CpuDevice(1)) {
      FineTuning.of(run.withOutput(roomy.path(whole)), device)
          .listener(
              new TrainingListener() {
                @Override
                public void saved(SavedCheckpoint checkpoint) {
                  saved.putAll(steps(new CheckpointStore(whole.resolve("checkpoints"))));
                  savedAt.add(roomy.operations().size());
                }
              })
          .run();
      assertThat(saved).hasSize(3);
      Map<String, String> expected = RunContents.of(whole);
      int operations = roomy.operations().size();
      int begun = 1 + roomy.operations().indexOf(last(roomy, "run.yaml"));
      int times = Math.min(TIMES, operations);
      // Among them when the run's folder has only just become one.
      IntStream rooms = IntStream.range(0, times).map(number -> (int) ((long) number * operations / times));
      for (int room : IntStream.concat(IntStream.of(begun - 1), rooms).distinct().toArray()) {
        String what = roomy.operations().get(room) + ", operation " + room;
        Path output = temporary.resolve("full" + room);
        var disk = new FullDisk(room);
        RunFile onDisk = run.withOutput(disk.path(output));
        List<String> notes = new ArrayList<>();
        Throwable failure = catchThrowable(() -> FineTuning.of(onDisk, device).notes(notes::add).run());
        assertThat(failure)
            .as(what)
            .isInstanceOf(room < begun ? InvalidInputException.class : UncheckedIOException.class)
            .hasMessageContaining("No space left on device")
            .hasMessageContaining(output.toString());
        Map<String, String> left = steps(new CheckpointStore(output.resolve("checkpoints")));
        assertThat(saved).as(what).containsAllEntriesOf(left);
        if (room >= savedAt.getFirst()) {
          assertThat(left).as(what).isNotEmpty();
          assertThat(notes).as(what).anyMatch(note -> note.contains(output.resolve("checkpoints").toString()));
        }
        if (Files.exists(output)) {
          assertReadable(output);
        }
        disk.empty();
        FineTuning.of(onDisk, device).resume(true).run();
        assertThat(RunContents.of(output)).as(what).isEqualTo(expected);
      }
      System.out.println("full at " + times + " of " + operations + " operations");
    }
  }

  private static String last(FullDisk disk, String file) {
    return disk.operations().stream()
        .filter(line -> line.startsWith("write") && line.contains("." + file))
        .reduce((_, b) -> b)
        .orElseThrow();
  }
}
