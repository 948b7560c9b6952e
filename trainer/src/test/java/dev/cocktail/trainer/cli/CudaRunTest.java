package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.cocktail.kernels.emulator.EmulatedGpu;
import dev.cocktail.tensor.DType;
import dev.cocktail.tensor.Device;
import dev.cocktail.tensor.cpu.CpuDevice;
import dev.cocktail.trainer.FineTuning;
import dev.cocktail.trainer.config.RunFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole fine-tunes on an emulated GPU, and what they have in common with those on the processor. */
class CudaRunTest {
  private static final Pattern PREDICTION = Pattern.compile("memory: ([0-9,]+) MiB at most");

  @TempDir Path temporary;

  private TinyFolder folder;

  @BeforeEach
  void writeFolder() {
    folder = TinyFolder.write(temporary);
  }

  private RunFile run(String output) {
    return RunFile.read(folder.path("run.yaml")).withOutput(folder.path(output));
  }

  private static double loss(FineTuning.Result result) {
    return result.last().validation().orElseThrow().losses().values().stream().mapToDouble(Double::doubleValue).sum();
  }

  @Test
  void devicesLearnTheSameAndReadEachOthersAdapters() {
    double onCpu;
    try (Device cpu = new CpuDevice()) {
      onCpu = loss(FineTuning.of(run("cpu"), cpu).run());
    }
    double onGpu;
    try (Device gpu = EmulatedGpu.open(DType.F32)) {
      onGpu = loss(FineTuning.of(run("gpu"), gpu).run());
    }
    assertThat(onGpu).isCloseTo(onCpu, within(1e-4 * onCpu));

    List<String> answers = new ArrayList<>();
    for (String output : List.of("cpu", "gpu")) {
      CommandRun generated =
          folder.generate("--raw", "--prompt", "sky: ", "--adapter", folder.path(output + "/adapter").toString());
      assertThat(generated.exitCode()).isZero();
      answers.add(generated.out());
    }
    assertThat(answers.get(1)).isEqualTo(answers.get(0));
  }

  /** With several micro-batches, dropout, DoRA, all weights; and with answers, which need a key/value cache. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "adapter: {r: 2, lora_alpha: 4}",
        "adapter: {r: 2, lora_alpha: 4, use_dora: true, lora_dropout: 0.1}",
        "adapter: {type: none}\ntrainable: [all]",
      })
  void aRunTakesNoMoreThanPredicted(String trained) {
    folder.edit("run.yaml", "adapter: {r: 2, lora_alpha: 4}", trained);
    folder.edit("run.yaml", "output: out", "output: out\nevaluation: {batch_tokens: 64, max_new_tokens: 8}");
    folder.edit("run.yaml", "validation.jsonl}", "validation.jsonl, metric: exact_match}");
    List<String> notes = new ArrayList<>();
    try (Device gpu = EmulatedGpu.open(DType.BF16)) {
      FineTuning.of(run("out"), gpu).notes(notes::add).run();
      Matcher stated = PREDICTION.matcher(String.join("\n", notes));
      assertThat(stated.find()).as(notes.toString()).isTrue();
      long predicted = Long.parseLong(stated.group(1).replace(",", "")) << 20;
      // The prediction is for examples of max_length throughout; these are shorter.
      assertThat(gpu.peakReservedBytes()).isBetween(predicted / 4, predicted);
    }
  }
}
