package dev.cocktail.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cocktail.trainer.RunContents;
import java.io.File;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run in a process of its own that is told to end. */
class InterruptionTest {
  /** Answers to so many questions take far longer than a step, so that the signal comes while they are given. */
  @Test
  @Timeout(120)
  void aRunThatIsTerminatedDuringAnEvaluationDoesNotWaitForIt(@TempDir Path temporary) throws Exception {
    assumeTrue(File.separatorChar == '/', "needs signals");
    TinyFolder folder = TinyFolder.write(temporary);
    folder.write("many.jsonl", (folder.text("train.jsonl") + "\n").repeat(400));
    folder.edit("run.yaml", "validation: validation.jsonl", "test: many.jsonl, metric: exact_match");
    folder.edit("run.yaml", "max_steps: 4", "max_steps: 1");
    folder.edit("run.yaml", "output: out", "evaluation: {max_new_tokens: 64}\noutput: out");
    try (var process = CocktailProcess.start("train", List.of(folder.path("run.yaml").toString()))) {
      process.awaitFirstStep();
      process.terminate();
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.INTERRUPTED);
      assertThat(process.output())
          .contains("stopping, and saving what was learnt", "cocktail: stopped after step 1 of 1;")
          .doesNotContain("test sets");
    }
    Map<String, String> saved = RunContents.weightsOf(folder.path("out/checkpoints"));
    assertThat(saved).containsKey("step-1/optimiser.safetensors");
    assertThat(folder.text("out/result.json")).contains("INTERRUPTED");
    assertThat(folder.text("out/metrics.jsonl")).contains("\"step\"").doesNotContain("\"test\"");

    // Whoever asks twice does not wait for what is saved either, and nothing is harmed.
    try (var process = CocktailProcess.start("train", List.of("--resume", folder.path("run.yaml").toString()))) {
      process.awaitLine("continuing after step 1");
      process.terminate();
      process.terminate();
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.INTERRUPTED);
    }
    assertThat(RunContents.weightsOf(folder.path("out/checkpoints"))).isEqualTo(saved);
  }

  @Test
  @Timeout(120)
  void aTerminatedEvaluationSaysSo(@TempDir Path temporary) throws InterruptedException {
    assumeTrue(File.separatorChar == '/', "needs signals");
    TinyFolder folder = TinyFolder.write(temporary);
    folder.write("many.jsonl", (folder.text("train.jsonl") + "\n").repeat(2000));
    List<String> arguments =
        List.of(
            "--model",
            folder.path("model").toString(),
            "--data",
            folder.path("many.jsonl").toString(),
            "--metric",
            "exact_match",
            "--items",
            folder.path("items.jsonl").toString());
    try (var process = CocktailProcess.start("eval", arguments)) {
      process.awaitLine("task many: 12,000 items");
      process.terminate();
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.INTERRUPTED);
      assertThat(process.output().lines().toList().getLast())
          .isEqualTo("cocktail: stopped before all questions were answered; nothing was written");
    }
    assertThat(folder.path("items.jsonl")).doesNotExist();
  }

  @Test
  @Timeout(120)
  void aDemoThatIsTerminatedWhileItAnswersSaysHowToGoOn(@TempDir Path temporary) throws InterruptedException {
    assumeTrue(File.separatorChar == '/', "needs signals");
    Path output = temporary.resolve("demo");
    try (var process = CocktailProcess.start("demo", List.of("--output", output.toString()))) {
      process.awaitLine("[1/");
      process.terminate();
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.INTERRUPTED);
      assertThat(process.output().lines().toList().getLast())
          .isEqualTo(
              "cocktail: stopped; all that was learnt is saved; ./cocktail demo --output " + output + " goes on");
      assertThat(process.output()).doesNotContain("[2/");
    }
  }

  @Test
  @Timeout(120)
  void aTerminatedRunSavesAndSaysWhere(@TempDir Path temporary) throws InterruptedException {
    assumeTrue(File.separatorChar == '/', "needs signals");
    TinyFolder folder = TinyFolder.write(temporary);
    folder.edit("run.yaml", "max_steps: 4", "max_steps: 1000000");
    try (var process = CocktailProcess.start("train", List.of(folder.path("run.yaml").toString()))) {
      process.awaitLine("step 2/");
      process.terminate();
      assertThat(process.await()).as(process.output()).isEqualTo(CocktailCommand.INTERRUPTED);
      assertThat(process.output().lines().toList().getLast())
          .startsWith("cocktail: stopped after step ")
          .contains(folder.path("out/adapter").toString());
    }
    folder.generate("--prompt", "hello", "--adapter", folder.path("out/adapter").toString()).done();
  }
}
