package dev.cocktail.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cocktail.tensor.InvalidInputException;
import dev.cocktail.trainer.optimiser.LearningRateSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunFileTest {
  private static final Path FOLDER = Path.of("/data/runs");

  private static final String SMALLEST =
      """
      model: phi
      tasks:
        - name: news
          train: news.jsonl
      """;

  private static RunFile parse(String yaml) {
    return RunFile.parse(yaml, "run.yaml", FOLDER, "run");
  }

  private static AbstractThrowableAssert<?, ?> assertRefused(String yaml) {
    return assertThatThrownBy(() -> parse(yaml)).isInstanceOf(InvalidInputException.class);
  }

  @Test
  void everythingHasADefault() {
    RunFile run = parse(SMALLEST);

    assertThat(run.model()).isEqualTo(FOLDER.resolve("phi"));
    assertThat(run.output()).isEqualTo(FOLDER.resolve("runs/run"));
    assertThat(run.tasks())
        .singleElement()
        .satisfies(task -> {
          assertThat(task.train()).isEqualTo(FOLDER.resolve("news.jsonl"));
          assertThat(task.validation()).isEmpty();
        });
    assertThat(run.adapter().type()).isEqualTo(AdapterSection.Type.LORA);
    assertThat(run.adapter().targetModules().kind()).isEqualTo(TargetModules.Kind.ALL_LINEAR);
    assertThat(run.training().epochs()).hasValue(3);
    assertThat(run.training().maxSteps()).isEmpty();
    assertThat(run.training().microBatchTokens()).isEqualTo(run.training().maxLength());
    assertThat(run.training().schedule()).isEqualTo(LearningRateSchedule.Shape.COSINE);
    assertThat(run.mixtureSeed()).isEqualTo(42);
    assertThat(run.evaluation().every()).isEqualTo(new Interval(1, Interval.Unit.EPOCHS));
  }

  @Test
  void theDesignsWordsAreUnderstood() {
    RunFile run =
        parse(
            """
            model: /models/phi
            adapter: {type: lora, r: 8, lora_alpha: 16, lora_dropout: 0.05, target_modules: [qkv_proj, o_proj], use_dora: true}
            tasks:
              - {name: fpb, train: fpb.train.jsonl, validation: ../fpb.val.jsonl, test: fpb.test.jsonl}
              - {name: headline, train: headline.jsonl}
            mixture: {strategy: proportional, seed: 7}
            training: {max_steps: 10, max_length: 512, tokens_per_step: 4096, learning_rate: 2e-4, schedule: linear, warmup_steps: 3, max_grad_norm: 0}
            evaluation: {every: 0.25 epochs, batch_tokens: 1_024}
            output: /out
            """);

    assertThat(run.adapter().r()).isEqualTo(8);
    assertThat(run.adapter().targetModules())
        .isEqualTo(new TargetModules(TargetModules.Kind.NAMES, List.of("qkv_proj", "o_proj")));
    assertThat(run.adapter().toAdapterConfig().rank()).isEqualTo(8);
    assertThat(run.adapter().toAdapterConfig().scaleOf("x")).isEqualTo(2);
    assertThat(run.adapter().toAdapterConfig().dora()).isTrue();
    assertThat(run.adapter().toAdapterConfig().targets().matches("model.layers.0.self_attn.o_proj")).isTrue();
    assertThat(run.adapter().toAdapterConfig().targets().matches("model.layers.0.mlp.down_proj")).isFalse();
    assertThat(run.tasks().getFirst().validation()).contains(Path.of("/data/fpb.val.jsonl"));
    assertThat(run.training().learningRate()).isEqualTo(2e-4);
    assertThat(run.training().epochs()).isEmpty();
    assertThat(run.training().learningRates(10).warmupSteps()).isEqualTo(3);
    assertThat(run.training().optimiser().maxGradNorm()).isInfinite();
    assertThat(run.mixtureSeed()).isEqualTo(7);
    assertThat(run.withSeed(5).mixtureSeed()).isEqualTo(7);
    assertThat(run.withSeed(5).training().seed()).isEqualTo(5);
    assertThat(run.evaluation().batchTokens()).hasValue(1024);
    assertThat(run.evaluation().tokensAtOnce(run.training())).isEqualTo(1024);
  }

  @Test
  void aMisspeltKeyIsNamedWithItsLineAndTheNearest() {
    assertRefused(SMALLEST + "training:\n  learning_rat: 1e-3\n")
        .hasMessageStartingWith("run.yaml:6: unknown key 'learning_rat' in 'training'")
        .hasMessageContaining("'learning_rate'");
    assertRefused(SMALLEST + "trainig: {}\n")
        .hasMessageStartingWith("run.yaml:5: unknown key 'trainig'")
        .hasMessageContaining("'training'");
  }

  @Test
  void aKeyOfAnotherSectionSaysWhereItBelongs() {
    assertRefused("learning_rate: 1\n" + SMALLEST)
        .hasMessageStartingWith("run.yaml:1: unknown key 'learning_rate'; there is 'training.learning_rate'");
  }

  @Test
  void whatIsPlannedIsSaidToBe() {
    assertRefused(SMALLEST + "mixture: {strategy: curriculum}\n")
        .hasMessage(
            "run.yaml:5: mixture.strategy: 'curriculum' is not supported yet; supported: proportional, uniform,"
                + " temperature, capped, weights, sequential");
    assertRefused(SMALLEST + "training: {optimizer: lion}\n")
        .hasMessage("run.yaml:5: 'optimizer' in 'training' is not supported yet; remove it");
  }

  @Test
  void repeatedKeysAreRefused() {
    assertRefused(SMALLEST + "model: other\n")
        .hasMessage("run.yaml:5: 'model' is given a second time (first in line 1); remove one of them");
  }

  @Test
  void tasksOfTheSameNameAreRefused() {
    assertRefused(SMALLEST + "  - name: news\n    train: other.jsonl\n")
        .hasMessage("run.yaml:5: tasks[1].name: 'news' is already the name of another task");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tab", "\"\\t\"", "'\t'"})
  void aTabMayBeSpelledOut(String tab) {
    RunFile run = parse("model: m\ntasks: [{name: a, train: b, format: {delimiter: " + tab + "}}]\n");
    assertThat(run.tasks().getFirst().format().toDataFormat().delimiter()).contains('\t');
    assertThat(parse(run.toYaml())).isEqualTo(run);
  }

  @Test
  void partsOfATemplateAreCheckedInTheirLines() {
    String task = "model: m\ntasks:\n  - name: a\n    train: b\n";
    String template = task + "    template:\n      user: q\n      assistant: a\n";
    assertRefused(template + "      text: t\n")
        .hasMessageStartingWith("run.yaml:8: tasks[0].template.text: makes plain text of each record");
    assertRefused(template + "      where: 'a is odd_looking'\n")
        .hasMessageStartingWith("run.yaml:8: tasks[0].template.where: ");
    assertRefused(template + "      fields:\n        x: '{{ a'\n")
        .hasMessageStartingWith("run.yaml:9: tasks[0].template.fields.x: ");
    assertRefused(template + "      turns:\n        - user: q\n          assistant: '{% if %}'\n")
        .hasMessageStartingWith("run.yaml:10: tasks[0].template.turns[0].assistant: ");
    assertRefused(task + "    template: {history: h}\n").hasMessageContaining("template.user: is missing");
    assertRefused(task + "    roles: {tool: robot}\n")
        .hasMessageStartingWith("run.yaml:5: tasks[0].roles.tool: 'robot' is not one of: system, user, assistant");
  }

  @Test
  void missingKeysAreNamed() {
    assertRefused("tasks: [{name: a, train: b}]").hasMessageStartingWith("run.yaml:1: model: is missing; give it:");
    assertRefused("model: m\ntasks:\n  - name: a\n").hasMessageStartingWith("run.yaml:3: tasks[0].train: is missing");
    assertRefused("model: m\n").hasMessageStartingWith("run.yaml:1: tasks: there is no task");
    assertRefused("model:\ntasks: [{name: a, train: b}]").hasMessageStartingWith("run.yaml:1: model: has no value");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "learning_rate: -1 | above 0",
        "learning_rate: fast | a number above 0",
        "learning_rate: .nan | a number",
        "learning_rate: .inf | a number",
        "learning_rate: 1e999 | a number",
        "learning_rate: [1] | found a list",
        "learning_rate: '\"1\"' | a number",
        "tokens_per_step: 0 | at least 1",
        "tokens_per_step: 1.5 | a whole number",
        "tokens_per_step: 99999999999 | a whole number",
        "tokens_per_step: 1:30 | a whole number",
        "warmup_ratio: 1.5 | at most 1",
        "warmup_steps: -1 | at least 0",
        "adam_beta1: 1 | below 1",
        "seed: x | a whole number",
        "checkpoint_layers: yes | auto, true, false",
        "schedule: cosin | 'cosine'",
        "epochs: 0 | above 0",
        "micro_batch_tokens: 100 | do not hold one example of max_length, which is 2048",
      })
  void impossibleValuesAreNamed(String line, String expected) {
    String key = line.substring(0, line.indexOf(':'));
    assertRefused(SMALLEST + "training:\n  " + line + "\n")
        .hasMessageStartingWith("run.yaml:6: training." + key + ": ")
        .hasMessageContaining(expected);
  }

  @Test
  void keysThatExcludeEachOtherAreNamed() {
    assertRefused(SMALLEST + "training:\n  epochs: 1\n  max_steps: 5\n")
        .hasMessageStartingWith("run.yaml:7: training.max_steps: epochs is given too");
    assertRefused(SMALLEST + "training:\n  warmup_ratio: 0.1\n  warmup_steps: 5\n")
        .hasMessageStartingWith("run.yaml:7: training.warmup_steps: warmup_ratio is given too");
    assertRefused(SMALLEST + "training:\n  max_steps: 4\n  warmup_steps: 5\n").hasMessageContaining("do not fit");
    assertRefused(SMALLEST + "adapter: {type: none}\n")
        .hasMessageStartingWith("run.yaml:5: adapter.type: 'none' leaves");
    assertRefused(SMALLEST + "trainable: ['*']\n").hasMessageStartingWith("run.yaml:5: trainable: ");
  }

  @Test
  void fullFineTuningNamesItsWeights() {
    RunFile run = parse(SMALLEST + "adapter: {type: none}\ntrainable: ['*']\n");
    assertThat(run.trainable()).containsExactly("*");
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a b", "", "-x", "a/b"})
  void namesOfTasksAreNamesOfFiles(String name) {
    assertRefused("model: m\ntasks: [{name: '" + name + "', train: b}]").hasMessageContaining("tasks[0].name");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0 steps", "1.5 steps", "often", "-1 epochs", "3"})
  void intervalsAreChecked(String every) {
    assertRefused(SMALLEST + "evaluation:\n  every: " + every + "\n")
        .hasMessageStartingWith("run.yaml:6: evaluation.every: ")
        .hasMessageContaining("0.25 epochs");
  }

  @Test
  void intervalsCountSteps() {
    assertThat(Interval.parse("0.25 epochs").steps(10)).isEqualTo(3);
    assertThat(Interval.parse("0.01 epochs").steps(10)).isEqualTo(1);
    assertThat(Interval.parse("100 steps").steps(10)).isEqualTo(100);
    assertThat(Interval.parse("never").steps(10)).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "- a", "text", "a: [", "a: b: c", "\tx: 1", "{", "? [a]\n: b", "a: *b", "--- a\n--- b", "\u0000"})
  void whatIsNoRunFileIsRefused(String yaml) {
    assertRefused(yaml).hasMessageStartingWith("run.yaml:");
  }

  @Test
  void deepNestingAndAliasesDoNoHarm() {
    assertRefused("[".repeat(100_000));
    assertRefused("model: &a [*a]\n" + "tasks: *a\n");
  }

  @Test
  void patternsOfModulesAreChecked() {
    assertRefused(SMALLEST + "adapter: {target_modules: '(.*qkv'}\n")
        .hasMessageContaining("is not a regular expression");
    assertRefused(SMALLEST + "adapter: {target_modules: []}\n").hasMessageContaining("the list is empty");
    assertThat(parse(SMALLEST + "adapter: {target_modules: '.*qkv_proj'}\n").adapter().targetModules().kind())
        .isEqualTo(TargetModules.Kind.PATTERN);
  }

  @Test
  void filesAreRead(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("my.run.yaml"), SMALLEST);

    assertThat(RunFile.read(file).output()).isEqualTo(folder.resolve("runs/my.run"));

    assertThatThrownBy(() -> RunFile.read(folder.resolve("absent.yaml"))).isInstanceOf(InvalidInputException.class);
    assertThatThrownBy(() -> RunFile.read(folder)).isInstanceOf(InvalidInputException.class);
    Path binary = Files.write(folder.resolve("b.yaml"), new byte[] {(byte) 0xC3, 0x28});
    assertThatThrownBy(() -> RunFile.read(binary))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("UTF-8");
  }

  @Test
  void everyKeyIsDocumented() {
    List<KeyInfo> keys = RunFile.keys();
    assertThat(keys)
        .extracting(KeyInfo::path)
        .contains("model", "adapter.r", "tasks[].name", "training.epochs", "output");
    assertThat(keys)
        .allSatisfy(key -> {
          assertThat(key.meaning()).endsWith(".");
          assertThat(key.defaultText()).isNotBlank();
          assertThat(key.type()).doesNotContain("Section");
        });
  }
}
