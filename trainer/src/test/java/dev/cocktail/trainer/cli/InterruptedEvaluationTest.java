package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.InterruptedRunException;
import dev.cocktail.trainer.RunContents;
import dev.cocktail.trainer.config.RunFile;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Runs that are interrupted while validation sets, answers or test sets are scored stop at once, and go on to the same
 * bits. {@code -Dcocktail.stops=100} interrupts more often.
 */
class InterruptedEvaluationTest {
  private static final int STOPS = Integer.getInteger("cocktail.stops", 4);

  @TempDir private Path temporary;

  /** Says stop at one of the times it is asked, and from then on, and counts how often it is asked. */
  private static final class StopAt implements BooleanSupplier {
    private final int time;
    private int asked;

    StopAt(int time) {
      this.time = time;
    }

    @Override
    public boolean getAsBoolean() {
      return ++asked >= time;
    }
  }

  private RunFile run(TinyFolder folder, String output) {
    return RunFile.read(folder.path("run.yaml")).withOutput(folder.path(output));
  }

  /**
   * Interrupts at many of the times that it can be.
   *
   * @param last after how many steps the test sets are scored
   */
  private void sweep(String training, String checkpoints, int last) {
    TinyFolder folder = TinyFolder.write(temporary);
    folder.write(
        "run.yaml",
        """
        model: model
        adapter: {r: 1, lora_alpha: 4, lora_dropout: 0.1, target_modules: [qkv_proj]}
        tasks:
          - {name: a, train: train.jsonl, validation: train.jsonl, test: validation.jsonl, metric: exact_match}
          - name: b
            train: train.jsonl
            validation: train.jsonl
            test: train.jsonl
            metric: accuracy
            method: likelihood
        training: {max_length: 32, tokens_per_step: 32, schedule: constant, %s}
        evaluation: {every: 2 steps, max_new_tokens: 3, test: both, batch_tokens: 64, best: b.loss, patience: 1}
        checkpoints: {every: %s}
        """
            .formatted(training, checkpoints));
    var never = new StopAt(Integer.MAX_VALUE);
    try (var device = new CpuDevice(1)) {
      FineTuning.of(run(folder, "whole"), device).stopWhen(never).run();
      Map<String, String> expected = RunContents.of(folder.path("whole"));
      for (int number = 1; number <= STOPS; number++) {
        int time = never.asked * number / STOPS;
        String output = "stopped" + time;
        var stop = new StopAt(time);
        assertThatThrownBy(() -> FineTuning.of(run(folder, output), device).stopWhen(stop).run())
            .isInstanceOf(InterruptedRunException.class)
            .hasMessageContaining(number == STOPS ? "stopped after step " + last + " of" : "stopped ");
        assertThat(stop.asked).as("nothing more was begun").isEqualTo(time);
        // It may be interrupted again and again.
        var again = new StopAt(9);
        assertThatThrownBy(() -> FineTuning.of(run(folder, output), device).resume(true).stopWhen(again).run())
            .isInstanceOf(InterruptedRunException.class);
        FineTuning.of(run(folder, output), device).resume(true).run();
        assertThat(RunContents.of(folder.path(output))).as(output).isEqualTo(expected);
      }
    }
  }

  @Test
  void goesOnToTheSameBits() {
    sweep("max_steps: 4, learning_rate: 6.0e-2", "3 steps", 4);
  }

  @Test
  void goesOnToTheSameBitsWhereTheRunStopsEarlyAndSavesNothingUnasked() {
    sweep("max_steps: 30, learning_rate: 0.5", "never", 6);
  }
}
